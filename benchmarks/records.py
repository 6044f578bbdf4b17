"""What benchmarks fill a heap with."""

from __future__ import annotations

import gc

__all__ = ("Record", "fill")


class Record:
    """An object, its text and its list."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"record {number}"
        self.tags = [number]


def fill(objects: int) -> list[Record]:
    """Make records until there are so many tracked objects."""
    kept: list[Record] = []
    gc.disable()
    while len(gc.get_objects()) < objects:
        kept.extend(Record(n) for n in range(objects // 50 + 1))
    gc.enable()
    gc.collect()
    return kept
