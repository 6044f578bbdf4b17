"""Results on their way through a pipe: one frame a stage, in the order sent."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

__all__ = ("BrokenStage", "StageDecoder", "encode_stage", "write_all")

_HEADER = struct.Struct(">4sI")
_MAGIC = b"txr1"
_LARGEST = 256 * 2**20


class BrokenStage(ValueError):
    """What came through the pipe was not written by :func:`encode_stage`."""


def encode_stage(name: str, data: Any) -> bytes:
    """One stage as bytes.

    :param name: which stage it is.
    :param data: plain data, as JSON has it.
    """
    body = json.dumps([name, data], separators=(",", ":")).encode("ascii")
    return _HEADER.pack(_MAGIC, len(body)) + body


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
        while (body := self._next_body()) is not None:
            stages.append(self._decode(body))
        return stages

    def _next_body(self) -> bytes | None:
        if len(self._buffer) < _HEADER.size:
            return None
        magic, length = _HEADER.unpack_from(self._buffer)
        if magic != _MAGIC or length > _LARGEST:
            raise BrokenStage("the header of a stage is damaged")
        end = _HEADER.size + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[_HEADER.size : end])
        del self._buffer[:end]
        return body

    def _decode(self, body: bytes) -> tuple[str, Any]:
        try:
            name, data = json.loads(body)
        except ValueError as error:
            raise BrokenStage("the body of a stage is damaged") from error
        return name, data
