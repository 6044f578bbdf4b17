"""The pass over the whole heap, in its order: what is held by names, by C alone, by nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

from txresource.heap.census import Census
from txresource.heap.edges import EdgeReader
from txresource.heap.paths import Path, PathRow
from txresource.heap.pathtree import PathTree
from txresource.heap.roots import Root, code_constants, find_roots, held_by_c, split_unreached
from txresource.heap.weights import weigh

__all__ = ("Found", "GARBAGE", "take_heap")

#: The root of what the next collection will free.
GARBAGE = "garbage"


@dataclass(frozen=True, slots=True)
class Found:
    """What the pass found.

    :param rows: the paths to all objects, in their order.
    :param census: the objects by type.
    :param weights: by path, what hangs in those that were to be looked at last, and on nothing
        else: its bytes, each object split evenly among the paths that lead to it; and the bytes
        that no other of them leads to.
    """

    rows: tuple[PathRow, ...]
    census: Census
    weights: Mapping[Path, tuple[int, int]]


def take_heap(
    tracked: list[Any],
    given: Mapping[str, Sequence[Any]],
    frames: Iterable[FrameType],
    last: Collection[Path] = (),
) -> Found:
    """The paths to all objects there are, and what they are, running no code of theirs.

    For a forked child. What the collector would free is found by counting
    references, and is not freed.

    :param tracked: all that the collector tracks, as ``gc.get_objects`` says before there is
        anything of the pass. Held to the end: whatever the pass replaces, no object of the
        program dies of it.
    :param given: further roots, by name.
    :param frames: the innermost frame of each thread of the parent.
    :param last: paths whose objects are asked last for what they hold.
    """
    tree = PathTree(EdgeReader(code_constants(tracked)), last)
    tree.grow(find_roots(given, frames))
    tree.grow_last()
    # Else it would seem to be held by C, or be taken for garbage.
    tree.pass_over()
    unreached = tree.unreached(tracked)
    tree.grow(split_unreached(held_by_c(unreached)))
    groups = tree.grow_last()
    tree.grow([Root(GARBAGE, tree.unreached(unreached))])
    tree.grow_last()
    return Found(tree.rows(), tree.kinds.census(len(tracked)), weigh(groups))
