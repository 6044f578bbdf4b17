"""What growing groups keep from being freed, over small graphs."""

from __future__ import annotations

import functools
import sys
from collections import deque
from collections.abc import Collection
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import HTTPConnectionPool

from tests.unit.heap_graphs import NearReader, kind_of, texts
from txresource.heap.paths import Path, Step
from txresource.heap.pathtree import PathTree
from txresource.heap.roots import Root
from txresource.heap.weights import weigh


class Box:
    """Holds some objects, and bytes of its own."""

    __slots__ = ("held", "next")

    def __init__(self, *held: Any) -> None:
        self.held = list(held)


def path_to(root: str, *steps: tuple[str, str]) -> Path:
    """A path from a root that is a list."""
    return (Step(root, "list"), *(Step(*step) for step in steps))


BOXES = ("[*]", f"{__name__}.Box")


class WeightCase(SynchronousTestCase):
    """Grows a tree, some of its objects last."""

    def grown(
        self, last: Collection[Path], **roots: list[Any]
    ) -> tuple[dict[str, int], dict[Path, tuple[int, int]]]:
        """Counts by path, and weights."""
        tree = PathTree(NearReader(), last)
        tree.grow([Root(name, [things]) for name, things in roots.items()])
        weights = weigh(tree.grow_last())
        return texts(tree.rows(), __name__), weights


class LastTests(WeightCase):
    """Whose what is reached from the growing ones is."""

    def test_far_before_growing(self) -> None:
        """What anything else holds, however far, is not under what grows."""
        shared = Box()
        growing, far = [Box(shared)], [[[[[(shared,)]]]]]
        found, _ = self.grown([path_to("one", BOXES)], one=growing, two=far)
        self.assertEqual(found["one: list [*] Box"], 1)
        self.assertIn("two: list [*] list [*] tuple [*] Box", found)
        plain, _ = self.grown([], one=growing, two=far)
        self.assertIn("one: list [*] Box .held list [*] Box", plain)

    def test_its_own(self) -> None:
        """What only the growing ones hold is found under them, and weighed with them."""
        growing = [Box(Box(Box())), Box()]
        found, weights = self.grown([path_to("one", BOXES)], one=growing)
        self.assertEqual(sum(found.values()), 1 + 2 * 4)
        each = sys.getsizeof(growing[0])
        ((share, exclusive),) = weights.values()
        lists = sum(map(sys.getsizeof, (growing[0].held, growing[0].held[0].held, [], [])))
        self.assertEqual((share, exclusive), (4 * each + lists, 4 * each + lists))

    def test_not_there(self) -> None:
        """A path that nothing is at any more weighs nothing."""
        self.assertEqual(self.grown([path_to("gone")], one=[Box()])[1], {})

    def test_within_another(self) -> None:
        """What grows below what grows belongs to it."""
        inner = path_to("one", BOXES, (".held", "list"), BOXES)
        outer = path_to("one", BOXES)
        found, weights = self.grown([inner, outer], one=[Box(Box([1]))])
        self.assertEqual(list(weights), [outer])
        self.assertTrue(any(text.endswith(".held list [*] list") for text in found))

    def test_chain(self) -> None:
        """A chain that grows is followed to its end, and is all of its own weight."""
        chain = None
        for number in range(30_000):
            made = Box(number)
            made.next, chain = chain, made
        holder = [chain]
        chain = None
        link = path_to("one", BOXES, (".next", f"{__name__}.Box"))
        found, weights = self.grown([link], one=holder)
        self.assertEqual(found["one: list [*] Box .next Box"], 29_999)
        self.assertEqual(found["one: list [*] Box .next Box .held list"], 29_999)
        self.assertGreater(weights[link][1], 29_999 * sys.getsizeof(holder[0]))
        while holder[0] is not None:  # else it is freed by recursion
            holder[0] = holder[0].next


class ShareTests(WeightCase):
    """What several groups lead to."""

    def weights(self, *groups: list[Any]) -> list[tuple[int, int]]:
        """Share and exclusive bytes of each group."""
        roots = {f"g{number}": things for number, things in enumerate(groups)}
        weights = self.grown([path_to(name, BOXES) for name in roots], **roots)[1]
        return [weights[path_to(name, BOXES)] for name in roots]

    def assertNear(self, found: float, expected: float, by: float) -> None:
        """Compare bytes, where a few are those of small things around."""
        self.assertLessEqual(abs(found - expected), by)

    def test_shared(self) -> None:
        """What two lead to is split between them, and neither would free it alone."""
        shared = bytearray(100_000)
        one, other = self.weights([Box(shared)], [Box(shared), Box()])
        self.assertLess(max(one[1], other[1]), 10_000)
        for share, exclusive in (one, other):
            self.assertNear(share - exclusive, sys.getsizeof(shared) / 2, 100)

    def test_behind_the_shared(self) -> None:
        """What hangs in what is shared is shared as well, as far as it goes."""
        deep = bytearray(100_000)
        shared = Box([[deep]])
        mine = bytearray(50_000)
        one, other = self.weights([Box(shared)], [Box(shared, mine)])
        self.assertNear(one[0], 50_000, 1000)
        self.assertNear(other[0], 100_000, 1000)
        self.assertNear(other[1], 50_000, 1000)

    def test_one_leads_to_the_other(self) -> None:
        """A group that holds another one shares all of that one's, and none of its own."""
        small = Box(bytearray(30_000))
        one, other = self.weights([Box(small, bytearray(40_000))], [small])
        self.assertNear(one[0], 55_000, 1000)
        self.assertNear(one[1], 40_000, 1000)
        self.assertNear(other[0], 15_000, 1000)
        self.assertNear(other[1], 0, 1000)

    @settings(derandomize=True, deadline=None, max_examples=60)
    @given(st.lists(st.lists(st.integers(0, 7), max_size=4), min_size=8, max_size=8))
    def test_nothing_lost(self, edges: list[list[int]]) -> None:
        """Over any graph, shares add up to all there is, and what is exclusive is no more."""
        boxes = [Box() for _ in edges]
        for box, others in zip(boxes, edges, strict=True):
            box.held += [boxes[number] for number in others]
        found = self.weights(boxes[:1], boxes[1:2], boxes[2:3])
        reached: set[int] = set()
        front = [0, 1, 2]
        while front:
            number = front.pop()
            if number not in reached:
                reached.add(number)
                front += edges[number]
        size = sum(
            sys.getsizeof(b) + sys.getsizeof(b.held) for b in map(boxes.__getitem__, reached)
        )
        self.assertNear(sum(share for share, _ in found), size, 3)
        self.assertLessEqual(sum(exclusive for _, exclusive in found), size)
        self.assertTrue(all(0 <= exclusive <= share + 1 for share, exclusive in found))


class BoundedTests(WeightCase):
    """Containers that throw out what is too much."""

    def test_kinds(self) -> None:
        """A deque or cache with a limit has it in the name of its kind, one without has not."""

        class Ring(deque[Any]):
            maxlen = 5  # type: ignore[assignment]

        for thing, bounded in [
            (deque([1], maxlen=9), True),
            (deque([1]), False),
            (Ring([1], 9), True),
            (Ring([1]), False),
            (functools.lru_cache(print), True),
            (functools.lru_cache(maxsize=7)(print), True),
            (functools.lru_cache(maxsize=None)(print), False),
            (functools.cache(print), False),
        ]:
            self.assertEqual(kind_of(thing).endswith(" (bounded)"), bounded, thing)

    def test_cache_that_lies(self) -> None:
        """Whatever stands where a cache says its limit is not called."""

        def refuse() -> Any:
            raise AssertionError

        cache: Any = functools.lru_cache(print)
        for said in (refuse, None, 5, type("Evil", (), {"__getattribute__": refuse})()):
            cache.cache_parameters = said
            self.assertEqual(kind_of(cache), "functools._lru_cache_wrapper")

    def test_connection_pool(self) -> None:
        """The lists of connections in an HTTP client's pool are bounded; other lists are not."""
        pool: Any = HTTPConnectionPool(Clock())
        pool._connections["key"] = [Box()]
        found, _ = self.grown([], one=[pool, {"key": [Box()]}])
        where = "one: list [*] twisted.web.client.HTTPConnectionPool ._connections dict [*]"
        self.assertEqual(found[f"{where} list (bounded)"], 1)
        self.assertEqual(found["one: list [*] dict [*] list"], 1)
