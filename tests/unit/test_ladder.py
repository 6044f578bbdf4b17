"""Numbers over many snapshots, the older the coarser."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.properties import derandomized
from txresource.leaks.ladder import BLOCKS, LEAST_BLOCKS, WATCHED, Ladder, Series


def filled(numbers: list[int], base: int | None = None) -> tuple[Ladder, Series]:
    """A ladder and a series that took in some numbers, a snapshot a second."""
    ladder = Ladder()
    series = Series(numbers[0] if base is None else base)
    for now, number in enumerate(numbers):
        series.add(number, ladder.grow(float(now)))
    return ladder, series


class LadderTests(SynchronousTestCase):
    """The windows that all series share."""

    def test_newest_stand_alone(self) -> None:
        """As many snapshots as a horizon has blocks stay windows of their own."""
        ladder, _ = filled([0] * (BLOCKS + 1))
        self.assertEqual(ladder.widths, [1] * (BLOCKS + 1))
        ladder.grow(25.0)
        self.assertEqual(ladder.widths, [2] + [1] * BLOCKS)
        self.assertEqual(ladder.ends, [1.0] + [float(now) for now in range(2, 26)])

    def test_widths(self) -> None:
        """Older windows hold two, four, eight ... snapshots, a dozen or so of each."""
        ladder, _ = filled([0] * 1000)
        self.assertEqual(sum(ladder.widths), 1000)
        self.assertEqual(ladder.widths, sorted(ladder.widths, reverse=True))
        self.assertEqual(ladder.ends[-1], 999.0)
        self.assertEqual(ladder.ends, sorted(ladder.ends))
        for width in set(ladder.widths) - {1, max(ladder.widths)}:
            self.assertIn(ladder.widths.count(width), (LEAST_BLOCKS, LEAST_BLOCKS + 1))
        self.assertIn(ladder.widths.count(1), (BLOCKS, BLOCKS + 1))

    def test_ends(self) -> None:
        """A window ends with its last snapshot."""
        ladder, _ = filled([0] * 300)
        last = -1
        for width, end in zip(ladder.widths, ladder.ends, strict=True):
            last += width
            self.assertEqual(end, float(last))

    def test_few_windows(self) -> None:
        """Thirty thousand snapshots take less than two hundred windows."""
        ladder = Ladder()
        for now in range(30_000):
            ladder.grow(float(now))
        self.assertLess(len(ladder.widths), 200)

    def test_no_horizon(self) -> None:
        """Nothing is looked at before there are snapshots enough."""
        self.assertEqual(filled([0] * (WATCHED - 1))[0].horizons(), ())
        self.assertEqual(len(filled([0] * WATCHED)[0].horizons()), 2)

    def test_horizons(self) -> None:
        """Each horizon is about twice as long as the one before, and ends now."""
        ladder, _ = filled([0] * 1000)
        lengths = [horizon.snapshots for horizon in ladder.horizons()]
        self.assertEqual(lengths[:3], [24, 48, 96])
        for shorter, longer in itertools.pairwise(lengths):
            self.assertGreater(longer, shorter * 1.2)
            self.assertLess(longer, shorter * 2.2)
        for horizon in ladder.horizons():
            self.assertEqual(horizon.blocks[-1], len(ladder.widths))
            self.assertEqual(horizon.quarters[-1], len(ladder.widths))
            self.assertEqual(horizon.widths, tuple(ladder.widths[horizon.start :]))
            self.assertIn(len(horizon.blocks) - 1, range(LEAST_BLOCKS, BLOCKS + 1))
            self.assertEqual(horizon.quarters[0], horizon.start)

    def test_blocks(self) -> None:
        """The blocks of a horizon are alike, within a half, and quarters have as many of them."""
        ladder, _ = filled([0] * 777)
        for level, horizon in enumerate(ladder.horizons()):
            places = zip(horizon.blocks, horizon.blocks[1:], strict=False)
            held = [sum(ladder.widths[a:b]) for a, b in places]
            self.assertGreaterEqual(min(held), 2**level)
            self.assertLess(max(held), 2 ** (level + 1))
            numbers = [horizon.blocks.index(place) for place in horizon.quarters]
            count = len(horizon.blocks) - 1
            self.assertEqual(numbers, [count * quarter // 4 for quarter in range(5)])

    def test_later_half(self) -> None:
        """The newest windows that hold half of all, and never less than the shortest horizon."""
        for snapshots in (1, 30, 60, 500):
            ladder, _ = filled([0] * snapshots)
            newest = ladder.widths[len(ladder.widths) - ladder.later_half :]
            self.assertGreaterEqual(ladder.later_half, WATCHED)
            if snapshots > 2 * WATCHED:
                self.assertGreaterEqual(2 * sum(newest), snapshots)
                self.assertLess(2 * sum(newest[1:]), snapshots)


class SeriesTests(SynchronousTestCase):
    """A number in the windows of a ladder."""

    def test_unchanged(self) -> None:
        """A number that never changed is kept once."""
        _ladder, series = filled([5] * 100)
        self.assertEqual((series.base, series.lows, series.highs, series.last), (5, [], [], 5))
        self.assertEqual(series.spread(3), ([5, 5, 5], [5, 5, 5]))

    def test_changed(self) -> None:
        """From its first change on a number is kept in windows, and what was before in one."""
        _, series = filled([5, 5, 7, 6])
        self.assertEqual((series.base, series.lows, series.last), (5, [7, 6], 6))
        self.assertEqual(series.spread(4)[0], [5, 5, 7, 6])

    def test_series_are_apart(self) -> None:
        """What one series keeps shows in no other."""
        one, other = Series(1), Series(1)
        one.add(2, [])
        self.assertEqual(other.lows, [])
        self.assertEqual(Series(0).highs, [])

    def test_long(self) -> None:
        """So does each of three hundred, some of which began as they had been before."""
        for still in (0, 1, 20, 61, 150):
            self.check([5] * still + [n * n * 7 % 23 for n in range(1, 301)], 5)

    @derandomized(40)
    @given(st.lists(st.integers(0, 9), min_size=1, max_size=300), st.integers(0, 9))
    def test_lowest_and_highest(self, numbers: list[int], base: int) -> None:
        """Each window knows the lowest and the highest of its snapshots, however it was merged."""
        self.check(numbers, base)

    def check(self, numbers: list[int], base: int) -> None:
        """Hold each window to the snapshots in it."""
        ladder, series = filled(numbers, base)
        lows, highs = series.spread(len(ladder.widths))
        start = 0
        for width, low, high in zip(ladder.widths, lows, highs, strict=True):
            window = numbers[start : start + width]
            start += width
            self.assertEqual((low, high), (min(window), max(window)))

    def test_copies(self) -> None:
        """A series that is made of numbers has them for its own."""
        lows, highs = [1, 2], [3, 4]
        series = Series(0, lows, highs)
        series.add(5, [])
        self.assertEqual((series.lows, series.highs, series.last), ([1, 2, 5], [3, 4, 5], 5))
        self.assertEqual((lows, highs), ([1, 2], [3, 4]))

    def test_rests_in_time(self) -> None:
        """As many windows as were asked for have to stand still, all of them, on no lower number."""
        for lows, highs, base in (
            ([4, 4, 4], [4, 4, 4], 4),
            ([4, 4], [4, 4], 1),
            ([4, 5, 4], [4, 5, 4], 1),
            ([3, 4, 4], [3, 4, 4], 1),
            ([4, 4, 4], [4, 4, 5], 1),
            ([4, 4, 4], [5, 4, 4], 1),
            ([4, 4, 4], [4, 4, 4], 5),
        ):
            series = Series(base, lows, highs)
            series.rest(3)
            rests = (lows, highs) == ([4] * 3, [4] * 3) and base < 5
            self.assertEqual(series.lows, [] if rests else lows)
            self.assertEqual(series.base, 4 if rests else base)

    def test_rests(self) -> None:
        """What has stood still for half of the time is one number again."""
        for base, resting in ((3, True), (5, True), (9, False)):
            ladder, series = filled([5] * 30 if base == 5 else [base] * 20 + [5] * 30, base)
            series.rest(ladder.later_half)
            self.assertEqual(series.base, 5 if resting else 9)
            self.assertEqual(series.lows == [], resting)

    def test_restless(self) -> None:
        """What has changed in the later half, or stood still for less, is kept as it is."""
        for numbers in ([1] * 40 + [2] * 23, [1] * 10 + [2] * 49 + [3], [1, 3] + [2] * 40 + [3]):
            ladder, series = filled(numbers)
            before = list(series.lows)
            series.rest(ladder.later_half)
            self.assertEqual(series.lows, before)
            self.assertNotEqual(before, [])
