"""What proves a leak, and what does not."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txresource.leaks.ladder import Ladder, Series
from txresource.leaks.proof import DOUBTS, FEWEST_RISES, Load, Seen, Verdict, gain, judge, outgrows

UNSTEADY, LOADED, HIGH_BEFORE, SLOWER, STANDS, TOO_FEW = DOUBTS


def verdict(numbers: list[int], load: list[int] | None = None) -> Verdict | None:
    """What is said of a number after its last snapshot."""
    ladder = Ladder()
    series, other = Series(numbers[0]), Series(load[0] if load else 0)
    for now, number in enumerate(numbers):
        merges = ladder.grow(float(now))
        series.add(number, merges)
        other.add(load[now] if load else 0, merges)
    seen, loads = (Seen(*each.spread(len(ladder.widths))) for each in (series, other))
    return judge(seen, [Load.over(horizon, loads) for horizon in ladder.horizons()])


def doubt(numbers: list[int], load: list[int] | None = None) -> str | None:
    """Why a number that grows is not proven; it fails the test where it does not grow."""
    found = verdict(numbers, load)
    assert found is not None, numbers
    return found.doubt


class ProofTests(SynchronousTestCase):
    """Growth alone."""

    def test_straight(self) -> None:
        """What rises all the time is proven from the 24th snapshot on, over all of it."""
        self.assertIsNone(verdict(list(range(23))))
        found = verdict(list(range(24)))
        assert found is not None
        self.assertEqual((found.doubt, found.horizon.snapshots), (None, 24))
        found = verdict(list(range(96)))
        assert found is not None
        self.assertEqual((found.doubt, found.horizon.snapshots), (None, 96))

    def test_still(self) -> None:
        """What stands still, falls, or is up again does not grow."""
        for numbers in ([5] * 40, list(range(40, 0, -1)), [*range(20), *range(20)]):
            self.assertIsNone(verdict(numbers))

    def test_dip(self) -> None:
        """A quarter that goes lower than the one before is no growth; one as low may be."""
        numbers = list(range(40))
        numbers[30] = 0
        self.assertIsNone(verdict(numbers))
        numbers[30] = 22
        self.assertEqual(doubt(numbers), UNSTEADY)

    def test_unsteady(self) -> None:
        """What falls as well has to rise far more steadily than chance has it."""
        drift = [10 * t + (0, 30, -20, 5, -45, 40, 10)[t % 7] * 4 for t in range(48)]
        drift = [number + 200 for number in drift]
        self.assertEqual(doubt(drift), UNSTEADY)
        steady = [30 * t + (0, 30, -20, 5, -45, 40, 10)[t % 7] + 200 for t in range(48)]
        self.assertIsNone(doubt(steady))

    def test_fall_after_a_step(self) -> None:
        """A fall right after a rise is a fall."""
        steps = [40 * (t // 4) for t in range(36)]
        self.assertIsNone(doubt(steps))
        steps[21] -= 5
        self.assertEqual(doubt(steps), UNSTEADY)

    def test_high_before(self) -> None:
        """What has been as high as the last quarter before, and came down, may do so again."""
        self.assertEqual(doubt([0, 18, 0] + [0] * 40 + list(range(24))), HIGH_BEFORE)
        self.assertIsNone(doubt([0, 17, 0] + [0] * 40 + list(range(24))))

    def test_levelling_off(self) -> None:
        """What gains less than a third in the later half of what it gained earlier comes to rest."""
        slow = [100 - round(100 * 0.9**t) for t in range(38)]
        self.assertEqual(doubt(slow), SLOWER)
        self.assertIsNone(doubt([1000 - round(1000 * 0.98**t) for t in range(38)]))

    def test_straight_after_a_bend(self) -> None:
        """Behind a cache that has filled a leak is proven, if it is straight by itself."""
        filled = [min(900, 90 * t) for t in range(40)]
        self.assertIsNone(doubt([each + t for t, each in enumerate(filled)]))
        bent = [each + round(30 * (1 - 0.95**t)) for t, each in enumerate(filled)]
        self.assertEqual(doubt(bent), SLOWER)

    def test_stands(self) -> None:
        """What rose often, and has not for long now, has found its bound."""
        self.assertEqual(doubt([*range(18), *[18] * 7]), STANDS)
        self.assertIsNone(doubt([*range(23), 23, 23]))

    def test_stands_longer_than_ever(self) -> None:
        """What stands for more than twice the longest time between two records has ended."""
        threes = [t // 3 for t in range(24)]
        self.assertIsNone(doubt([*threes, *[8] * 7]))
        self.assertEqual(doubt([*threes, *[8] * 10]), STANDS)
        # Four snapshots are nothing, however quickly it rose before.
        self.assertIsNone(doubt([*range(24), *[23] * 4]))
        self.assertEqual(doubt([*range(24), *[23] * 5]), STANDS)

    def test_stood_as_long_before(self) -> None:
        """What has stood as long before, and rose again, may do so once more."""
        tides = [7 * (t // 14) + min(t % 14, 7) for t in range(42)]
        self.assertIsNone(doubt(tides))
        self.assertIsNone(doubt([*tides, *[21] * 2]))
        self.assertEqual(doubt([*tides, *[21] * 6]), STANDS)

    def test_noise_on_top(self) -> None:
        """By a little noise on top of its bound nothing grows: records have to be as high as most."""
        climb = [50 * t for t in range(18)]
        self.assertEqual(doubt([*climb, *[t // 2 + 850 for t in range(8)]]), STANDS)
        self.assertIsNone(doubt([*climb, *[30 * t + 880 for t in range(8)]]))

    def test_steps(self) -> None:
        """A few steps are no leak, however high they are."""
        steps = [100 * (t // 10) for t in range(40)]
        self.assertEqual(doubt(steps), TOO_FEW)
        rises = 40 // FEWEST_RISES - 1
        self.assertIsNone(doubt([100 * (t // rises) for t in range(40)]))

    def test_one_step(self) -> None:
        """One step or two are no growth at all."""
        for steps in (1, 2):
            self.assertIsNone(verdict([steps * t // 40 for t in range(5, 45)]))
        self.assertEqual(doubt([3 * t // 40 for t in range(5, 45)]), TOO_FEW)

    def test_fell_before(self) -> None:
        """Where something was let go once, it takes twelve rises to show that nothing is now."""
        before = [0, 1, 0] + [0] * 20
        self.assertIsNone(doubt([0] * 23 + [t // 6 for t in range(48)]))
        self.assertEqual(doubt(before + [t // 6 for t in range(48)]), TOO_FEW)
        self.assertIsNone(doubt(before + [t // 6 for t in range(96)]))

    def test_patience(self) -> None:
        """Few rises are watched for longer than many."""
        self.assertEqual(doubt([t // 4 for t in range(25)]), TOO_FEW)
        self.assertIsNone(doubt([t // 4 for t in range(33)]))
        self.assertIsNone(doubt([t // 3 for t in range(26)]))
        self.assertIsNone(doubt([t // 3 for t in range(24)]))

    def test_late(self) -> None:
        """A leak that begins late is proven as soon as one from the start, where it began."""
        found = verdict([3] * 200 + list(range(4, 30)))
        assert found is not None
        self.assertEqual((found.doubt, found.horizon.snapshots), (None, 48))

    def test_least_doubt(self) -> None:
        """Of several horizons the one with the least doubt is told."""
        numbers = [90 * min(t, 10) + t // 6 for t in range(40)]
        found = verdict(numbers)
        assert found is not None
        self.assertEqual((found.doubt, found.horizon.snapshots), (TOO_FEW, 24))

    def test_gain(self) -> None:
        """The gain over a horizon is from the lowest of its first quarter to that of its last."""
        ladder = Ladder()
        for now in range(24):
            ladder.grow(float(now))
        numbers = [n**2 for n in range(24)]
        self.assertEqual(gain(Seen(numbers, numbers), ladder.horizons()[0]), 18**2)
        numbers = [n + 9 for n in numbers]
        self.assertEqual(gain(Seen(numbers, numbers), ladder.horizons()[0]), 18**2)


class LoadTests(SynchronousTestCase):
    """Growth, and the open connections."""

    def test_with_the_load(self) -> None:
        """What grows in proportion with the connections is no leak, nor what follows them."""
        load = [3 * t + (0, 2, 1)[t % 3] for t in range(40)]
        self.assertEqual(doubt(load, load), LOADED)
        self.assertEqual(doubt([100 + 7 * each for each in load], load), LOADED)
        self.assertEqual(doubt([0, 0, 0, *load[:-3]], load), LOADED)

    def test_while_the_load_rises(self) -> None:
        """While the load rises it explains what does not outgrow it, if not closely."""
        numbers = [100 + 2 * t for t in range(24)]
        self.assertEqual(doubt(numbers, [10] * 12 + [20] * 12), LOADED)
        self.assertIsNone(doubt(numbers, [20] * 12 + [10] * 12))

    def test_out_of_proportion(self) -> None:
        """What grows more than twice as much as the connections is a leak."""
        load = [100 + t for t in range(40)]
        self.assertIsNone(doubt([10 * t for t in range(40)], load))
        self.assertEqual(doubt([100 + 2 * t for t in range(40)], load), LOADED)

    def test_together(self) -> None:
        """Load that goes up and down on its way explains what goes along with it closely."""
        load = [10 * t + (0, 9, 60, 20, 75)[t % 5] for t in range(40)]
        self.assertEqual(doubt([100 + 3 * t + each for t, each in enumerate(load)], load), LOADED)

    def test_dip(self) -> None:
        """It still does when it is not always there, and not when it is away for too long."""
        numbers = [100 + 10 * t for t in range(24)]
        for dip, why in ((200, LOADED), (0, None)):
            self.assertEqual(doubt(numbers, [*numbers[:20], dip, *numbers[21:]]), why)

    def test_step_of_the_load(self) -> None:
        """Connections that came at once, before, explain nothing that rises since."""
        self.assertIsNone(doubt([100 + 4 * t for t in range(30)], [0, 0, 0] + [1] * 27))

    def test_beside_the_load(self) -> None:
        """What grows by itself is a leak, whatever the connections do."""
        for load in ([t % 5 for t in range(40)], [5] * 20 + [6] * 20, list(range(40, 0, -1))):
            self.assertIsNone(doubt(list(range(40)), load))

    def test_while_the_load_falls(self) -> None:
        """What rises as the load falls does not go with it, however closely."""
        load = [400 - t for t in range(40)]
        self.assertIsNone(doubt([400 + t for t in range(40)], load))

    def test_under_tides(self) -> None:
        """A leak under tides is seen when the tides are taken away, and not without the load."""
        load = [(0, 30, 60, 90, 70, 20, 5)[t % 7] for t in range(48)]
        numbers = [2 * each + t for t, each in enumerate(load)]
        self.assertIsNone(doubt(numbers, load))
        self.assertEqual(doubt(numbers), UNSTEADY)
        self.assertIsNone(verdict([2 * each for each in load], load))

    def test_what_the_load_brought(self) -> None:
        """What came with the load, and stays when it goes, is not corrected by it."""
        load = [*range(0, 180, 10), *range(180, 0, -20), 0, 0, 0]
        stays = [min(number, 17) * 50 + number % 2 for number in range(30)]
        self.assertIsNotNone(doubt(stays, load))
        goes = [3 * each + 2 * t for t, each in enumerate(load)]
        self.assertIsNone(doubt(goes, load))

    def test_outgrows(self) -> None:
        """One number outgrows another if it grows more than twice as much, in proportion."""
        ladder = Ladder()
        for now in range(24):
            ladder.grow(float(now))
        horizon = ladder.horizons()[0]
        ones = [6.0 + t for t in range(24)]
        other = Seen(ones, ones)
        for last, more in ((11 * 29 * 2, False), (11 * 29 * 2 + 1, True)):
            numbers = [121.0] * 18 + [last] * 6
            self.assertEqual(outgrows(Seen([0.0] * 24, numbers), other, horizon), more)

    def test_against_the_load(self) -> None:
        """What falls when the load rises has nothing of it."""
        load = [(0, 30, 60, 90, 70, 20, 5)[t % 7] for t in range(48)]
        numbers = [300 - 2 * each + t for t, each in enumerate(load)]
        self.assertEqual(doubt(numbers, load), UNSTEADY)
