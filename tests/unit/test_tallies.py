"""What is known of all paths."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.growthseries import path_of
from txresource.heap.paths import Path
from txresource.leaks.ladder import Ladder, Series
from txresource.leaks.tallies import FORGET, Tallies, Tally

A, B = path_of("A"), path_of("B")


def taken(*snapshots: dict[Path, tuple[int, int]]) -> Tallies:
    """What is known after these snapshots."""
    tallies, ladder = Tallies(), Ladder()
    for number, numbers in enumerate(snapshots):
        merges = ladder.grow(float(number))
        if number:
            tallies.add(numbers, merges, ladder.later_half)
        else:
            tallies.begin(numbers)
    return tallies


class TalliesTests(SynchronousTestCase):
    """From snapshot to snapshot."""

    def test_still(self) -> None:
        """What never changes is its numbers, and no more."""
        tallies = taken(*[{A: (3, 50), B: (1, 9)}] * 30)
        self.assertEqual((tallies.still, tallies.moving), ({A: (3, 50), B: (1, 9)}, {}))
        self.assertEqual((len(tallies), list(tallies)), (2, [A, B]))
        self.assertEqual((tallies.now(A), tallies.most(A)), ((3, 50), 3))

    def test_begin_keeps_a_copy(self) -> None:
        """What was given at first may change."""
        numbers = {A: (3, 50)}
        tallies = taken(numbers)
        numbers.clear()
        self.assertEqual(tallies.now(A), (3, 50))

    def test_change(self) -> None:
        """What changes has a past, and what it was before."""
        tallies = taken({A: (3, 50), B: (1, 9)}, {A: (5, 80), B: (1, 9)}, {A: (4, 70), B: (1, 9)})
        self.assertEqual(tallies.still, {B: (1, 9)})
        tally = tallies.moving[A]
        self.assertEqual((tally.count.base, tally.count.lows, tally.last), (3, [5, 4], (4, 70)))
        self.assertEqual((tallies.now(A), tallies.most(A), len(tallies)), ((4, 70), 5, 2))
        self.assertEqual(list(tallies), [B, A])

    def test_size_alone(self) -> None:
        """So has what has the same objects of other sizes."""
        tallies = taken({A: (3, 50)}, {A: (3, 60)})
        tally = tallies.moving[A]
        self.assertEqual((tally.size.base, tally.size.lows, tally.count.lows), (50, [60], []))
        self.assertEqual((tally.last, tallies.most(A)), ((3, 60), 3))

    def test_new(self) -> None:
        """What is new was nothing before; its size has no past."""
        tally = taken({}, {A: (3, 50)}).moving[A]
        self.assertEqual((tally.count.base, tally.count.lows), (0, [3]))
        self.assertEqual((tally.size.base, tally.size.lows, tally.absent), (50, [], 0))

    def test_gone(self) -> None:
        """What is gone is known to be gone, for how long, and is forgotten in time."""
        for gone in (1, 2, FORGET - 1):
            tallies = taken({A: (3, 50)}, *[{}] * gone)
            self.assertEqual(tallies.moving[A].absent, gone)
            self.assertEqual((tallies.now(A), tallies.most(A)), ((0, 0), 3))
            self.assertEqual(tallies.still, {})
        tallies = taken({A: (3, 50)}, *[{}] * FORGET)
        self.assertEqual((len(tallies), tallies.now(A), tallies.most(A)), (0, (0, 0), 0))

    def test_comes_back(self) -> None:
        """What comes back has not been forgotten, and is not absent."""
        tally = taken({A: (3, 50)}, {}, {}, {A: (4, 50)}).moving[A]
        self.assertEqual((tally.count.lows, tally.absent), ([0, 0, 4], 0))

    def test_settles(self) -> None:
        """What has stood still for long enough is its numbers alone, those of now."""
        tallies = taken({A: (3, 50)}, *[{A: (4, 70)}] * 60)
        self.assertEqual((tallies.still, tallies.moving), ({A: (4, 70)}, {}))
        few = taken({A: (3, 50)}, *[{A: (4, 70)}] * 5)
        self.assertEqual((few.still, list(few.moving)), ({}, [A]))

    def test_nothing_known(self) -> None:
        """Of a path that never was nothing is known."""
        self.assertEqual((Tallies().now(A), Tallies().most(A)), ((0, 0), 0))

    def test_stands(self) -> None:
        """A tally stands when neither its count nor its size has a past, and there is something."""
        self.assertTrue(Tally(Series(2), Series(9)).stands)
        for count, size in ((Series(0), Series(0)), (Series(2), Series(1, [2], [2]))):
            self.assertFalse(Tally(count, size).stands)
        self.assertFalse(Tally(Series(2, [3], [3]), Series(9)).stands)
