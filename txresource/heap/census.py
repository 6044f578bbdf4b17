"""The census: how many objects of which type there are, and their bytes."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from txresource.heap.paths import LARGEST
from txresource.heap.typeinfo import name_of

__all__ = (
    "Census",
    "Row",
    "census_of",
    "count_types",
    "decode_census",
    "encode_census",
)


@dataclass(frozen=True, slots=True)
class Row:
    """All objects of the types that bear one name.

    :param type_name: module and qualified name; builtins without the module.
    :param count: how many there are.
    :param size: their bytes, an estimate; 0 where sizes were not taken.
    """

    type_name: str
    count: int
    size: int


@dataclass(frozen=True, slots=True)
class Census:
    """Every object that was found, by type.

    :param rows: the largest first, then the most numerous, then by name.
    :param objects: how many objects were counted.
    :param gc_objects: how many of them the collector tracks.
    :param size: bytes of all of them, an estimate.
    :param complete: false where only tracked objects were counted, and no
        sizes were taken.
    """

    rows: tuple[Row, ...]
    objects: int
    gc_objects: int
    size: int
    complete: bool = True


def _by_type(objects: Iterable[Any]) -> list[list[Any]]:
    # By the address of the type: a metaclass may define __eq__ and __hash__.
    groups: defaultdict[int, list[Any]] = defaultdict(list)
    for thing in objects:
        groups[id(type(thing))].append(thing)
    return list(groups.values())


def census_of(totals: Iterable[tuple[str, int, int]], gc_objects: int, complete: bool) -> Census:
    """A census of counts; those of types that bear one name are added up.

    :param totals: name, objects and bytes of each type.
    :param gc_objects: how many objects the collector tracks.
    :param complete: whether these are all.
    """
    merged: dict[str, tuple[int, int]] = {}
    for name, count, size in totals:
        counted, measured = merged.get(name, (0, 0))
        merged[name] = counted + count, measured + size
    rows = [Row(name, count, size) for name, (count, size) in merged.items()]
    rows.sort(key=lambda row: (-row.size, -row.count, row.type_name))
    objects = sum(row.count for row in rows)
    return Census(tuple(rows), objects, gc_objects, sum(row.size for row in rows), complete)


def count_types() -> Census:
    """Count what the collector tracks, fast enough for the process itself."""
    groups = _by_type(gc.get_objects())
    totals = [(name_of(type(g[0])), len(g), 0) for g in groups]
    return census_of(totals, sum(map(len, groups)), complete=False)


def encode_census(census: Census) -> dict[str, Any]:
    """A census as plain data for a pipe or a file.

    :param census: what to encode.
    """
    return {
        "rows": [[row.type_name, row.count, row.size] for row in census.rows],
        "objects": census.objects,
        "gc_objects": census.gc_objects,
        "size": census.size,
        "complete": census.complete,
    }


def decode_census(data: dict[str, Any]) -> Census:
    """The census that :func:`encode_census` made plain.

    :param data: plain data.
    :raises ValueError: the data is no census.
    """
    try:
        rows = tuple(Row(str(name), _int(n), _int(size)) for name, n, size in data["rows"])
        objects, gc_objects, size = (_int(data[k]) for k in ("objects", "gc_objects", "size"))
        return Census(rows, objects, gc_objects, size, bool(data["complete"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"this is no census: {type(error).__name__}") from error


def _int(value: Any) -> int:
    if not 0 <= value < LARGEST:
        raise ValueError("a number is out of its range")
    return int(value)
