"""A snapshot of the heap as plain frozen data, and as the bytes that a history file holds."""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import dataclass
from typing import Any

from txresource.heap.census import Census, decode_census, encode_census
from txresource.heap.paths import LARGEST, PathRow, decode_paths, encode_paths

__all__ = ("FrozenHeap", "HEAP_SCHEMA", "decode_heap", "encode_heap")

#: The version of the form; what reads one reads all before it.
HEAP_SCHEMA = 1

#: As gzip writes it, so that the file can be looked into with other tools.
_GZIP = 16 + zlib.MAX_WBITS
#: Higher ones take three times as long for a tenth of the bytes.
_LEVEL = 3
#: A heap of two million paths; more is no snapshot.
_LARGEST = 128 * 2**20


@dataclass(frozen=True, slots=True)
class FrozenHeap:
    """All that one snapshot found.

    :param taken_at: seconds since the epoch.
    :param rss: bytes of memory that the process held.
    :param load: open connections at work, or None where nobody counted them.
    :param pid: which process it was ...
    :param gc_objects: how many objects the collector tracked.
    :param objects: how many objects were found.
    :param size: their bytes, an estimate.
    :param rows: the paths to them, in their order.
    :param census: the objects by type.
    :param started: ... and when it began, seconds since the epoch: a program that is started again
        in a container has the same number; None where nobody said.
    """

    taken_at: float
    rss: int
    load: int | None
    pid: int
    gc_objects: int
    objects: int
    size: int
    rows: tuple[PathRow, ...]
    census: Census
    started: float | None = None


def encode_heap(heap: FrozenHeap) -> bytes:
    """A snapshot as bytes: compressed JSON, the same for the same snapshot.

    :param heap: what to encode.
    :raises ValueError: a number in it is too large for any heap.
    """
    _check(heap)
    data = {
        "schema": HEAP_SCHEMA,
        "taken_at": heap.taken_at,
        "started": heap.started,
        "rss": heap.rss,
        "load": heap.load,
        "pid": heap.pid,
        "gc_objects": heap.gc_objects,
        "objects": heap.objects,
        "size": heap.size,
        "census": encode_census(heap.census),
        **encode_paths(heap.rows),
    }
    text = json.dumps(data, separators=(",", ":")).encode("ascii")
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    return packer.compress(text) + packer.flush()


def decode_heap(data: bytes) -> FrozenHeap:
    """The snapshot that :func:`encode_heap` made bytes.

    :param data: the bytes.
    :raises ValueError: in one sentence, why they are none: damaged, cut off,
        or written by a newer version.
    """
    fields = _fields(_unpacked(data))
    try:
        return FrozenHeap(
            taken_at=_time(fields["taken_at"]),
            # Files of the first versions do not say it.
            started=None if fields.get("started") is None else _time(fields["started"]),
            load=None if fields["load"] is None else _number(fields["load"]),
            rows=decode_paths(fields),
            census=decode_census(fields["census"]),
            **{name: _number(fields[name]) for name in _NUMBERS},
        )
    except (KeyError, OverflowError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"this is no snapshot of a heap: {_reason(error)}") from error


_TOO_LARGE = "a number is too large for any heap"
_LONGEST = len(str(LARGEST)) + 1
_NUMBERS = ("rss", "pid", "gc_objects", "objects", "size")


def _reason(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


def _unpacked(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        text = unpacker.decompress(data, _LARGEST)
    except zlib.error as error:
        raise ValueError("this is no snapshot of a heap, or it is damaged") from error
    if unpacker.unconsumed_tail:
        raise ValueError("this is no snapshot of a heap: it is too large")
    if not unpacker.eof:
        raise ValueError("the snapshot is cut off: its end is missing")
    if unpacker.unused_data:
        raise ValueError("this is no snapshot of a heap: something follows its end")
    return text


def _fields(text: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(text, parse_int=_parse_int)
        schema = fields["schema"]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        reason = f": {_TOO_LARGE}" if str(error) == _TOO_LARGE else ""
        raise ValueError(f"this is no snapshot of a heap{reason}") from error
    if type(schema) is not int or schema < 1:
        raise ValueError("this is no snapshot of a heap: its schema is no number")
    if schema > HEAP_SCHEMA:
        raise ValueError(
            f"the snapshot has schema {schema}, and this version reads up to {HEAP_SCHEMA}"
        )
    return dict(fields)


def _parse_int(text: str) -> int:
    # Millions of digits would be read for minutes.
    if len(text) > _LONGEST:
        raise ValueError(_TOO_LARGE)
    return int(text)


def _check(heap: FrozenHeap) -> None:
    numbers = [getattr(heap, name) for name in _NUMBERS]
    numbers += [heap.load or 0, heap.census.objects, heap.census.size, heap.census.gc_objects]
    numbers += [max(row.count, row.size) for row in heap.rows]
    numbers += [max(row.count, row.size) for row in heap.census.rows]
    if max(numbers) >= LARGEST:
        raise ValueError(_TOO_LARGE)


def _number(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a number is none, or is negative")
    if value >= LARGEST:
        raise ValueError(_TOO_LARGE)
    return value


def _time(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError("its time is no time")
    return float(value)
