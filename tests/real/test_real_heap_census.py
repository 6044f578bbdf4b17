"""The census of the heap, taken by a child."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.real.apart import apart
from tests.real.heap_case import stages_of
from txresource.heap.census import (
    Census,
    Row,
    count_types,
    decode_census,
    encode_census,
)
from txresource.heap.child import Send
from txresource.heap.fork import fork_child
from txresource.heap.typeinfo import name_of
from txresource.heap.whole import take_heap

testSuite = apart(__name__)


def take_census() -> Census:
    """The census that a child takes."""

    def job(send: Send, frames: Any) -> None:
        send("census", encode_census(take_heap(gc.get_objects(), {}, frames).census))

    return decode_census(stages_of(fork_child(job))["census"])


class Planted:
    """Something to be counted."""


class SlottedPlant:
    __slots__ = ("name",)


class Ran(BaseException):
    """Some code of an object was run."""


def refuse(*args: Any) -> Any:
    """Stand in for a method that must not be called."""
    raise Ran


class HostileMeta(type):
    __hash__ = __eq__ = refuse  # type: ignore[assignment]
    __instancecheck__ = __subclasscheck__ = refuse


class Hostile(metaclass=HostileMeta):
    """An object that raises whatever is done to it."""

    __hash__ = __eq__ = __sizeof__ = __getattribute__ = __repr__ = refuse  # type: ignore[assignment]
    __bool__ = __len__ = __iter__ = refuse
    __class__ = property(refuse)  # type: ignore[assignment]
    __dict__ = property(refuse)  # type: ignore[assignment]


def row(census: Census, kind: type) -> Row:
    """The row of a type, of zeros where there is none."""
    name = name_of(kind)
    found = [r for r in census.rows if r.type_name == name]
    return found[0] if found else Row(name, 0, 0)


class CensusTests(SynchronousTestCase):
    """What is counted, and how often."""

    def setUp(self) -> None:
        """Keep the collector from changing the heap under the test."""
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)

    def grown(self, kind: type, plant: Callable[[], Any]) -> tuple[int, int]:
        """By how many objects and bytes a type grows while something is kept."""
        before = row(take_census(), kind)
        kept = plant()
        after = row(take_census(), kind)
        del kept
        return after.count - before.count, after.size - before.size

    def test_planted(self) -> None:
        """A hundred objects more are a hundred more in their row, with their bytes."""
        count, size = self.grown(SlottedPlant, lambda: [SlottedPlant() for _ in range(100)])
        self.assertEqual((count, size), (100, 100 * sys.getsizeof(SlottedPlant())))

    def test_untracked(self) -> None:
        """Numbers, which the collector does not know, are counted where something holds them."""
        self.assertFalse(gc.is_tracked(1j))
        self.assertEqual(self.grown(complex, lambda: [complex(n, 1) for n in range(7)])[0], 7)

    def test_untracked_once(self) -> None:
        """An untracked object that many hold is counted once."""

        def share() -> Any:
            number = complex(id(self), 1)
            return [[number] for _ in range(50)]

        self.assertEqual(self.grown(complex, share)[0], 1)

    def test_inside_untracked(self) -> None:
        """What hangs in untracked tuples, ten deep, is found."""

        def nest() -> Any:
            gc.freeze()  # the rest of the heap out of sight, a collection is quick
            inner: Any = complex(id(self), 2)
            for depth in range(10):
                inner = (inner, str(depth))
            # A collection stops tracking a tuple whose items are not tracked.
            for _ in range(11):
                gc.collect()
            gc.unfreeze()
            self.assertFalse(gc.is_tracked(inner))
            return [inner]

        self.assertEqual(self.grown(complex, nest)[0], 1)

    def test_unchanged(self) -> None:
        """Two snapshots of an unchanged heap differ by what keeps the first, and by no more."""
        first = take_census()
        plain = {r.type_name: r.count for r in take_census().rows}
        again = {r.type_name: r.count for r in take_census().rows}
        own = {"dict", "int", "str", "list", "tuple", f"{Row.__module__}.Row"}
        changed = {n for n in plain.keys() | again.keys() if plain.get(n) != again.get(n)}
        self.assertLessEqual(changed, own)
        self.assertGreater(first.objects, 1000)

    def test_not_itself(self) -> None:
        """The census does not count the lists and sets that it works with."""
        sets = row(take_census(), set).count, row(take_census(), set).count
        self.assertEqual(sets[0], sets[1])
        gc_objects = len(gc.get_objects())
        self.assertLessEqual(abs(take_census().gc_objects - gc_objects), 20)

    def test_hostile(self) -> None:
        """Objects that raise at every touch are counted like others, and never touched."""
        self.assertEqual(self.grown(Hostile, lambda: [Hostile() for _ in range(5)])[0], 5)

    def test_totals(self) -> None:
        """The totals are the sums of the rows, and the rows begin with the largest."""
        census = take_census()
        self.assertEqual(census.objects, sum(r.count for r in census.rows))
        self.assertEqual(census.size, sum(r.size for r in census.rows))
        self.assertEqual(list(census.rows), sorted(census.rows, key=lambda r: -r.size))
        self.assertTrue(census.complete)

    def test_one_name_one_row(self) -> None:
        """Types that bear the same name share a row."""
        twins = [type("Twin", (), {}) for _ in range(3)]
        kept = [twin() for twin in twins]
        rows = [r for r in take_census().rows if r.type_name == f"{__name__}.Twin"]
        self.assertEqual([r.count for r in rows], [len(kept)])

    def test_types_alone(self) -> None:
        """The quick count has the tracked objects only, no sizes, and says so."""
        kept = [Planted() for _ in range(12)]
        census = count_types()
        self.assertEqual(row(census, Planted), Row(f"{__name__}.Planted", len(kept), 0))
        self.assertEqual((census.size, census.complete), (0, False))
        self.assertEqual(census.objects, census.gc_objects)


class EncodingTests(SynchronousTestCase):
    """A census on its way."""

    def test_there_and_back(self) -> None:
        """A census survives its encoding, lone surrogates in names included."""
        census = Census((Row("a\ud800", 2, 30), Row("b", 1, 0)), 3, 1, 30, False)
        data = json.loads(json.dumps(encode_census(census)))
        self.assertEqual(decode_census(data), census)

    def test_not_a_census(self) -> None:
        """What is no census is refused with a ``ValueError``."""
        good = encode_census(Census((Row("a", 1, 1),), 1, 1, 1))
        broken: list[Any] = [{**good, "rows": [[1]]}, {**good, "rows": 5}, {**good, "size": "x"}]
        for bad in [{}, [], None, *broken]:
            self.assertRaises(ValueError, decode_census, bad)

    def test_no_values(self) -> None:
        """No value of any object is in an encoded census."""
        kept = ["the planted " + "secret", {"secret key " + "planted": b"secret bytes"}]
        text = json.dumps(encode_census(take_census()))
        self.assertNotIn("secret", text)
        self.assertEqual(len(kept), 2)
