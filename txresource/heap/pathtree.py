"""The shortest paths from named roots to every object, found in one pass over the heap.

The tree is one of paths, not of objects: all that is reached from the same
place by the same edge, and is of the same kind, is one node. An object belongs
to the first node that reaches it: the nearest to a root, and of equally near
ones the first by name. The order of attributes, of keys and of addresses has no
say, so that the paths are alike on every interpreter.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

from txresource.heap.edges import EdgeReader, is_weak_container
from txresource.heap.held import ITEM
from txresource.heap.kinds import is_definition, sort_by_kind
from txresource.heap.paths import Path, PathRow, Step, fold
from txresource.heap.roots import Root, code_constants, find_roots, held_by_c, split_unreached
from txresource.heap.typeinfo import has_edges, measure_of

__all__ = ("GARBAGE", "PathTree", "take_paths")

#: The root of what the next collection will free.
GARBAGE = "garbage"


class _Node:
    """All that is reached by one path."""

    __slots__ = ("above", "below", "count", "defines", "path", "size")

    def __init__(self, path: Path, above: _Node | None) -> None:
        self.path = path
        self.above = above
        self.below: dict[Step, _Node] = {}
        self.count = 0
        #: Names, texts and code are part of a function or class; there are too many for places
        #: of their own.
        self.defines = False
        self.size = 0

    def child(self, edge: str, kind: str) -> _Node:
        """The node one step further, which may be one on the way here."""
        step = Step(edge, kind)
        node = self.below.get(step)
        if node is None:
            path = (*self.path, step)
            folded = fold(path)
            node = _Node(path, self) if folded == path else self._node_of(folded)
            self.below[step] = node
        return node

    def _node_of(self, path: Path) -> _Node:
        node: _Node | None = self
        while node is not None and node.path != path[: len(node.path)]:
            node = node.above
        assert node is not None
        return node if len(node.path) == len(path) else node.child(*path[-1])

    def rows(self) -> Iterator[PathRow]:
        """This node and those below it, in the order of their paths."""
        if self.count:
            yield PathRow(self.path, self.count, self.size)
        for _, node in sorted(self.below.items(), key=lambda pair: pair[0]):
            if node.above is self:
                yield from node.rows()


_Branch = tuple[_Node, type, Sequence[Any]]


class PathTree:
    """Grows from one root after the other; what an earlier one reached is not reached again."""

    def __init__(self, reader: EdgeReader) -> None:
        """
        :param reader: names the edges.
        """
        self._reader = reader
        self._seen: set[int] = set()
        # By the id of the type.
        self._names: dict[int, str] = {}
        self._measures: dict[int, Callable[[Sequence[Any]], int]] = {}
        self._trunk = _Node((), None)
        # Behind weak containers: held only as long as somebody else holds the key.
        self._postponed: list[_Branch] = []

    def unreached(self, things: Iterable[Any]) -> list[Any]:
        """Those objects to which no path leads.

        :param things: objects that were there before the tree.
        """
        seen = self._seen
        return [thing for thing in things if id(thing) not in seen]

    def rows(self) -> tuple[PathRow, ...]:
        """What was reached so far, in the order of the paths."""
        return tuple(self._trunk.rows())

    def grow(self, roots: Iterable[Root]) -> None:
        """Reach all that roots lead to, level by level.

        :param roots: the first has the first claim.
        """
        front: list[_Branch] = []
        for root in roots:
            front += self._claim(self._trunk, root.name, root.things)
        while front or self._postponed:
            if not front:
                front, self._postponed = self._postponed, []
            front = self._next_level(front)

    def _next_level(self, front: list[_Branch]) -> list[_Branch]:
        # Let go of each as soon as it is done: together they are as many as the heap.
        front.reverse()
        level: list[_Branch] = []
        while front:
            level += self._expand(front.pop())
        return level

    def _expand(self, branch: _Branch) -> list[_Branch]:
        node, tp, things = branch
        held = self._reader.read(tp, things, node.path[-1].edge)
        self._seen |= held.hidden
        found: list[_Branch] = []
        for edge in sorted(held.named.keys() - {ITEM}):
            found += self._claim(node, edge, held.named[edge])
        found += self._claim(node, ITEM, held.named[ITEM] + held.items)
        if is_weak_container(tp):
            self._postponed += found
            return []
        return found

    def _claim(self, above: _Node, edge: str, values: Sequence[Any]) -> list[_Branch]:
        seen = self._seen
        add = seen.add
        # One look and one step for each object of the heap: this line is a third of the pass.
        new = [each for each in values if (key := id(each)) not in seen and not add(key)]
        return self._place(above, edge, new) if new else []

    def _place(self, above: _Node, edge: str, things: Sequence[Any]) -> list[_Branch]:
        found: list[_Branch] = []
        for kind, tp, alike in sort_by_kind(things, self._names):
            inner = has_edges(tp)
            size = self._measure(tp)(alike)
            if above.defines and not inner:
                above.size += size
                continue
            node = above.child(edge, kind)
            node.count += len(alike)
            node.size += size
            if inner:
                node.defines = is_definition(tp)
                found.append((node, tp, alike))
        return found

    def _measure(self, tp: type) -> Callable[[Sequence[Any]], int]:
        found = self._measures.get(id(tp))
        if found is None:
            found = self._measures[id(tp)] = measure_of(tp)
        return found


def take_paths(
    given: Mapping[str, Sequence[Any]], frames: Iterable[FrameType]
) -> tuple[PathRow, ...]:
    """The paths to all objects there are, running no code of theirs.

    For a forked child. What the collector would free is found by counting
    references, and is not freed.

    :param given: further roots, by name.
    :param frames: the innermost frame of each other thread, as
        :func:`~txresource.heap.roots.frames_of_others` found them before the fork.
    """
    # Held to the end: whatever the pass replaces, no object of the program dies of it. And
    # taken here, before there is anything of the pass.
    return _take(gc.get_objects(), given, [sys._getframe(1), *frames])


def _take(
    tracked: list[Any], given: Mapping[str, Sequence[Any]], frames: list[FrameType]
) -> tuple[PathRow, ...]:
    tree = PathTree(EdgeReader(code_constants(tracked)))
    tree.grow(find_roots(given, frames))
    unreached = tree.unreached(tracked)
    tree.grow(split_unreached(held_by_c(unreached)))
    tree.grow([Root(GARBAGE, tree.unreached(unreached))])
    return tree.rows()
