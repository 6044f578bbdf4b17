"""Results on their way through a pipe: one frame a stage, in the order sent."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

__all__ = ("BrokenStage", "StageDecoder", "encode_stage", "write_all")

_HEADER = struct.Struct(">4sI")
#: A stage of plain data, and one of bytes that are passed on as they are.
_PLAIN = b"txrj"
_BYTES = b"txrb"
_LARGEST = 256 * 2**20


class BrokenStage(ValueError):
    """What came through the pipe was not written by :func:`encode_stage`."""


def encode_stage(name: str, data: Any) -> bytes:
    """One stage as bytes.

    :param name: which stage it is.
    :param data: plain data, as JSON has it, or ``bytes``, which cost the reader nothing.
    """
    raw = isinstance(data, bytes)
    # JSON escapes what would look like the end of the name.
    body = _plain(name) + b"\0" + (data if raw else _plain(data))
    return _HEADER.pack(_BYTES if raw else _PLAIN, len(body)) + body


def _plain(data: Any) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode("ascii")


def write_all(fd: int, data: bytes) -> None:
    """Write to a blocking descriptor until everything is written.

    :param fd: a descriptor.
    :param data: what to write.
    :raises OSError: nobody reads any more.
    """
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


class StageDecoder:
    """Cuts a stream of bytes back into stages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[str, Any]]:
        """Take in bytes and hand out the stages that they complete.

        :param data: the next bytes, in any portion.
        :raises BrokenStage: the bytes are not those of stages.
        """
        self._buffer += data
        stages = []
        while (frame := self._next_frame()) is not None:
            stages.append(_decode(*frame))
        return stages

    def _next_frame(self) -> tuple[bytes, bytes] | None:
        if len(self._buffer) < _HEADER.size:
            return None
        magic, length = _HEADER.unpack_from(self._buffer)
        if magic not in (_PLAIN, _BYTES) or length > _LARGEST:
            raise BrokenStage("the header of a stage is damaged")
        end = _HEADER.size + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[_HEADER.size : end])
        del self._buffer[:end]
        return magic, body


def _decode(magic: bytes, body: bytes) -> tuple[str, Any]:
    name, end, data = body.partition(b"\0")
    if not end:
        raise BrokenStage("the name of a stage is damaged")
    try:
        return json.loads(name), data if magic == _BYTES else json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BrokenStage("the body of a stage is damaged") from error
