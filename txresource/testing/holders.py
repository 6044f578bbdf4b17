"""Who holds an object, apart from the running test: a search from the object upwards."""

from __future__ import annotations

import gc
import sys
from collections import deque
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from types import (
    CellType,
    FrameType,
    FunctionType,
    MethodType,
    ModuleType,
)
from typing import Any

from txresource.testing.edges import describe, edge_name, fold, is_a, namespace_of
from txresource.testing.frames import RunningCode, Spot

__all__ = (
    "Held",
    "HolderSearch",
)

#: Objects after which a search gives up.
_LIMIT = 200_000
#: Each object is compared with all that are looked for at once: with more it is asked instead.
_MANY = 256

#: What a test uses to keep things in its hands: these alone make no holder of their own.
_PLAIN = frozenset(
    {
        *(dict, list, tuple, set, frozenset, deque, partial),
        *(CellType, FunctionType, MethodType),
        *map(
            type, (iter([]), iter(()), iter({}), iter({}.values()), iter({}.items()), iter(set()))
        ),
        *(enumerate, zip, map, filter, reversed),
    }
)

#: To cut these from what they hold mends nothing: whoever holds them has to let go.
_NAMELESS = (CellType, MethodType, partial)


@dataclass(frozen=True, slots=True)
class Held:
    """
    The shortest way from something that lives on to an object.

    :ivar root: where it begins, in words.
    :ivar steps: an edge and what it leads to, each in words; the last one is the object.
    :ivar cut: the last edge that has a name, with its holder: the one to cut.
    """

    root: str
    steps: tuple[tuple[str, str], ...]
    cut: str

    def __str__(self) -> str:
        """The way, a line each, indented."""
        lines = [f"    {self.root}", *(f"      {edge} -> {to}" for edge, to in self.steps)]
        return "\n".join([*lines, f"    cut: {self.cut}"])


class HolderSearch:
    """
    One search.

    :param target: the object.
    :param test: the running test case.
    :param frame: the caller of the assertion.
    :ivar by_test: whether the test itself was seen to hold the object.
    :ivar gave_up: whether there was more to look at than a search looks at.
    :ivar sure: whether the answer is the same without the garbage that there may be: ways that
        begin at what surely lives go through no garbage, and plain containers hold for nobody.
    """

    def __init__(self, target: object, test: object, frame: FrameType | None) -> None:
        self._test = test
        self._running = RunningCode(frame, test)
        self._namespaces = {
            id(vars(module)): module
            for module in list(sys.modules.values())
            if isinstance(module, ModuleType)
        }
        self.by_test = self.gave_up = False
        self.sure = True
        self._nodes: list[Any] = [target]
        #: For each node: which one it holds, and whether only plain containers lie between.
        self._links: list[tuple[int, bool]] = [(-1, True)]
        self._known = {(id(target), True)}
        #: What this search made and must not take for holders; kept, so that no id comes again.
        self._made: list[Any] = [self, self._nodes, self._namespaces]
        self._own = {id(self._made), id(vars(self)), *map(id, self._made)}

    def find(self) -> Held | None:
        """
        Search, once.

        :returns: the shortest way from something that lives on; ``None``: the test alone holds it.
        """
        try:
            held = self._climb()
            if held is None:
                self.sure = self.sure and self.by_test and not self.gave_up
            return held
        finally:
            # It holds this search, and so all that was looked at.
            self._made.clear()

    def _climb(self) -> Held | None:
        frontier = [0]
        while frontier:
            for index in frontier:
                held = self._by_running_code(index)
                if held is not None:
                    return held
            above: list[int] = []
            for index, holders in self._holders_of(frontier):
                held = self._judge(index, holders, above)
                if held is not None:
                    return held
            if len(self._nodes) > _LIMIT:
                self.gave_up = True
                return None
            frontier = above
        return None

    def _by_running_code(self, index: int) -> Held | None:
        node, plain = self._nodes[index], self._links[index][1]
        for spot in self._running.spots.get(id(node), ()):
            if spot.role == "thread":
                return self._way(_in_words(spot, " of another thread"), index, sure=True)
            if not plain and spot.role == "test" and node is not self._test:
                return self._way(_in_words(spot), index, sure=True)
            self.by_test = True
        return None

    def _holders_of(self, frontier: list[int]) -> list[tuple[int, list[Any]]]:
        """What refers to each of some nodes, by the collector's own word."""
        wanted: dict[int, list[int]] = {}
        for index in frontier:
            wanted.setdefault(id(self._nodes[index]), []).append(index)
        found: dict[int, list[Any]] = {index: [] for index in frontier}
        sought = tuple(self._nodes[index] for index in frontier)
        self._keep(sought, *found.values())
        # One pass over the heap for all of them: that is what takes time.
        holders = gc.get_objects() if len(sought) > _MANY else gc.get_referrers(*sought)
        self._keep(holders)
        for holder in holders:
            for child in wanted.keys() & set(map(id, gc.get_referents(holder))):
                for index in wanted[child]:
                    found[index].append(holder)
        return list(found.items())

    def _keep(self, *made: Any) -> None:
        self._made += made
        self._own.update(map(id, made))

    def _judge(self, index: int, holders: list[Any], above: list[int]) -> Held | None:
        plain, seen = self._links[index][1], False
        for holder in holders:
            if id(holder) in self._own or self._passing(holder):
                continue
            seen = True
            if holder is self._nodes[0]:
                continue  # what it holds itself holds it for nobody
            if holder is self._test or holder is namespace_of(self._test):
                held = self._by_test_case(index, plain)
            elif self._running.role_of(holder) == "test":
                held = None if plain else self._way_from(holder, index)
                self.by_test = self.by_test or plain
            elif self._lives_on(holder):
                held = self._way_from(holder, index)
            else:
                self._add(holder, index, plain and type(holder) in _PLAIN, above)
                continue
            if held is not None:
                return held
        if seen or plain or id(self._nodes[index]) in self._running.spots:
            return None
        # Alive, and nothing that Python shows refers to it.
        return self._way("something that Python does not show", index, sure=False)

    def _passing(self, holder: Any) -> bool:
        """Whether it is part of the turn that runs the test, not a holder."""
        if type(holder) is FrameType and _is_ours(holder):
            return True
        return (
            id(holder) in self._running.frames
            or id(holder) in self._running.delivering
            or self._running.role_of(holder) == "running"
        )

    def _by_test_case(self, index: int, plain: bool) -> Held | None:
        node = self._nodes[index]
        names = [name for name, value in (namespace_of(self._test) or {}).items() if value is node]
        if plain or "_cleanups" in names:
            self.by_test = True
            return None
        return self._way_from(self._test, index)

    def _lives_on(self, holder: Any) -> bool:
        if is_a(holder, ModuleType) or id(holder) in self._namespaces:
            return True
        # A class of a module lives as long as the module; one of a function may be the test's.
        return is_a(holder, type) and "<locals>" not in holder.__qualname__

    def _add(self, holder: Any, child: int, plain: bool, above: list[int]) -> None:
        key = (id(holder), plain)
        if key not in self._known and (id(holder), False) not in self._known:
            self._known.add(key)
            self.sure = self.sure and plain
            above.append(len(self._nodes))
            self._nodes.append(holder)
            self._links.append((child, plain))

    def _way_from(self, root: Any, index: int) -> Held:
        # A class, a module that is no longer imported and a suspended generator may be garbage.
        self.sure = root is self._test or id(root) in self._namespaces
        root = self._namespaces.get(id(root), root)
        path = fold([root, *self._path(index)])
        name = "the test case" if root is self._test else describe(root)
        return _held(name, path)

    def _way(self, root: str, index: int, *, sure: bool) -> Held:
        self.sure = sure
        return _held(root, [None, *fold(self._path(index))])

    def _path(self, index: int) -> list[Any]:
        path = []
        while index >= 0:
            path.append(self._nodes[index])
            index = self._links[index][0]
        return path


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).startswith("txresource.testing.")


def _in_words(spot: Spot, whose: str = "") -> str:
    return f"local variable {spot.name!r} of {spot.function}{whose}"


def _held(root: str, path: list[Any]) -> Held:
    """Put a path into words; a first node of None is a root that is no object."""
    steps = []
    cut = root
    for holder, held in pairwise(path):
        edge = "is" if holder is None else edge_name(holder, held).strip()
        steps.append((edge, describe(held)))
        if edge not in ("is", "[*]", "(?)") and type(holder) not in _NAMELESS:
            name = root if holder is path[0] else describe(holder)
            cut = f"{name}{edge}" if edge.startswith(".") else f"{edge} of {name}"
    return Held(root, tuple(steps), cut)
