"""Which types are called growing."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txresource.heap.census import Census, Row
from txresource.leaks.growth import LEAST_GAIN, STREAK, WARM_UP, GrowingType, GrowthTracker


def census(**counts: int) -> Census:
    """A census of these counts; ``app_Echo`` stands for ``app.Echo``."""
    rows = tuple(Row(name.replace("_", "."), count, 10 * count) for name, count in counts.items())
    return Census(rows, sum(counts.values()), 0, 0)


class GrowthTests(SynchronousTestCase):
    """From censuses to what grows."""

    def setUp(self) -> None:
        """A tracker that is past its warm-up; a census a minute."""
        self.tracker = GrowthTracker()
        self.now = 0.0
        for _ in range(WARM_UP):
            self.assertEqual(self.take(app_Echo=1), ())

    def take(self, **counts: int) -> tuple[GrowingType, ...]:
        """What grows after one more census."""
        self.now += 60.0
        return self.tracker.update(census(**counts), self.now)

    def names(self, *counts: dict[str, int]) -> list[list[str]]:
        """The names of what grows after each of some censuses."""
        return [[grown.type_name for grown in self.take(**each)] for each in counts]

    def test_every_rise_in_a_streak(self) -> None:
        """A type is growing from its third rise running on, with what it gained since."""
        before = [self.take(app_Echo=100 + 50 * n) for n in range(STREAK)]
        self.assertEqual(before, [()] * STREAK)
        (grown,) = self.take(app_Echo=100 + 50 * STREAK)
        began = 60.0 * (WARM_UP + 1)
        self.assertEqual(grown, GrowingType("app.Echo", 250, 2500, 150, began, STREAK))
        (grown,) = self.take(app_Echo=300)
        self.assertEqual((grown.gained, grown.since, grown.streak), (200, began, STREAK + 1))

    def test_warm_up(self) -> None:
        """What grew during the warm-up is neither counted nor the base of a gain."""
        tracker = GrowthTracker()
        for n in range(WARM_UP + STREAK):
            self.assertEqual(tracker.update(census(app_Echo=1000 * n), 60.0 * n), ())
        (grown,) = tracker.update(census(app_Echo=100_000), 600.0)
        self.assertEqual(grown.gained, 100_000 - 1000 * WARM_UP)

    def test_a_pause_ends_the_streak(self) -> None:
        """A count that stays or falls once has to begin anew."""
        for pause in (300, 250):
            self.setUp()
            counts = [{"app_Echo": n} for n in (100, 200, 300, pause, 400, 500)]
            self.assertEqual(self.names(*counts), [[]] * 6)
            (grown,) = self.take(app_Echo=600)
            self.assertEqual(grown.gained, 600 - pause)

    def test_least_gain(self) -> None:
        """A slow type is called growing once it has gained enough."""
        gains = [self.take(app_Echo=100 + n) for n in range(LEAST_GAIN + 1)]
        self.assertEqual([bool(grown) for grown in gains], [False] * LEAST_GAIN + [True])

    def test_new_type(self) -> None:
        """A type that was not there before grows from nothing; one that vanished is forgotten."""
        self.take(other=1)
        self.assertEqual(self.names(*[{"app_New": 100 * n} for n in (1, 2, 3)])[-1], ["app.New"])
        self.take(other=1)
        self.assertEqual(self.take(app_New=1000), ())

    def test_order(self) -> None:
        """Types of modules come before builtins, then the steepest, then by name."""
        steps = [
            {"str": 1000 * n, "app_A": 100 * n, "app_B": 200 * n, "app_C": 100 * n}
            for n in range(4)
        ]
        self.assertEqual(self.names(*steps)[-1], ["app.B", "app.A", "app.C", "str"])

    def test_rate(self) -> None:
        """The rate is objects a minute since the streak began, also in its first instant."""
        grown = GrowingType("app.Echo", 130, 0, 30, 100.0, 3)
        self.assertEqual(grown.per_minute(280.0), 10.0)
        self.assertGreater(grown.per_minute(100.0), 0)
