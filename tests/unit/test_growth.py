"""The history of growth: what it keeps, what it finds, and its way through bytes."""

from __future__ import annotations

import json
import zlib
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.growthnoise import day, noise
from tests.growthseries import frozen, healthy, leaks, noisy, path_of, proven_at
from tests.properties import derandomized
from txresource.heap.paths import Path
from txresource.leaks.growth import WARM_UP, Finding, GrowthHistory
from txresource.leaks.tallies import FORGET

THING, OTHER = path_of("Thing"), path_of("Other")
SNAPSHOTS = 40
increasing = st.lists(st.integers(1, 50), min_size=SNAPSHOTS, max_size=SNAPSHOTS)
anything = st.lists(st.integers(0, 60), min_size=SNAPSHOTS, max_size=SNAPSHOTS)


def history_of(*counts: tuple[Path, list[int]], load: list[int] | None = None) -> GrowthHistory:
    """The history of paths with these counts."""
    history = GrowthHistory()
    for number in range(len(counts[0][1])):
        now = [(path, each[number], 10 * each[number]) for path, each in counts]
        history.update(frozen(60.0 * number, now, load[number] if load else None))
    return history


def sums(steps: list[int]) -> list[int]:
    """Numbers that rise by these steps."""
    return [sum(steps[: number + 1]) for number in range(len(steps))]


def verdicts(history: GrowthHistory) -> list[tuple[Path, str | None]]:
    """What is said of each path."""
    found = history.findings()
    return [(each.path, each.why_not) for each in (*found.proven, *found.growing)]


class HistoryTests(SynchronousTestCase):
    """From snapshots to findings."""

    def test_empty(self) -> None:
        """A new history finds nothing."""
        history = GrowthHistory()
        found = history.findings()
        self.assertEqual((found.proven, found.growing, found.settled), ((), (), ()))
        self.assertEqual((history.snapshots, history.growing_paths), (0, ()))

    def test_finding(self) -> None:
        """A leak is told with what it holds now, what it gained, since when, and how fast."""
        (finding,) = history_of((THING, [5 * n for n in range(40)])).findings().proven
        self.assertEqual(
            finding,
            Finding(THING, "count", 195, 1950, 180, 180.0, 36 * 60.0, (), None, 0, 0),
        )
        self.assertEqual(finding.per_minute, 5.0)
        self.assertEqual(Finding(THING, "count", 1, 1, 1, 0.0, 0.0, (), None).per_minute, 0.0)

    def test_warm_up(self) -> None:
        """What happens in the first snapshots is looked past."""
        history = history_of((THING, [0, 500, 1000, 1000, 1001]))
        self.assertEqual((history.snapshots, verdicts(history)), (5, []))
        for snapshots in range(1, WARM_UP + 1):
            early = history_of((THING, [5] * snapshots))
            self.assertEqual((early.snapshots, verdicts(early)), (snapshots, []))

    def test_new_path(self) -> None:
        """A path that was not there before had nothing."""
        (finding,) = history_of((THING, [0] * 10 + [n + 1 for n in range(30)])).findings().proven
        self.assertEqual((finding.gained, finding.since), (30, 9 * 60.0))

    def test_gone_and_back(self) -> None:
        """A path that is gone for a while had nothing in between."""
        counts = [n + 5 for n in range(40)]
        counts[30:34] = [0] * 4
        self.assertEqual(history_of((THING, counts)).findings().proven, ())

    def test_forgotten(self) -> None:
        """A path that is gone is forgotten in time, and one that stays is not."""
        for gone, paths in ((FORGET - 1, 2), (FORGET, 1)):
            history = history_of((THING, [1] * 40 + [0] * gone), (OTHER, [1] * (40 + gone)))
            self.assertIn(f"{paths} paths", repr(history))

    def test_growing_paths(self) -> None:
        """What grows, proven or not, is told for the next snapshot, in the order of the paths."""
        fast = [60 * max(0, n - 30) for n in range(40)]
        history = history_of((THING, list(range(40))), (OTHER, fast))
        self.assertEqual(history.growing_paths, (OTHER, THING))
        self.assertEqual(len(history.findings().proven), 1)
        self.assertIn("2 grow", repr(history))

    def test_settled(self) -> None:
        """What was proven once and grows no more has settled, with what it had gained."""
        counts = list(range(40)) + [39] * 40
        found = history_of((THING, counts)).findings()
        self.assertEqual((found.proven, found.growing), ((), ()))
        (finding,) = found.settled
        self.assertEqual((finding.path, finding.why_not), (THING, "it grows no more"))
        self.assertEqual((finding.measure, finding.below), ("count", ()))
        self.assertEqual((finding.count, finding.size, finding.since), (39, 390, 180.0))
        self.assertEqual((finding.gained, finding.seconds), (36, 60.0 * 40))

    def test_settled_and_gone(self) -> None:
        """What was proven and is gone altogether is remembered as settled."""
        history = history_of((THING, list(range(40)) + [0] * (FORGET + 1)))
        (finding,) = GrowthHistory.decode(history.encode()).findings().settled
        self.assertEqual((finding.path, finding.count, finding.size), (THING, 0, 0))

    def test_settled_with_doubt(self) -> None:
        """What was proven and still grows, but is in doubt, is settled and says why."""
        counts = list(range(40)) + [39] * 7
        found = history_of((THING, counts)).findings()
        self.assertEqual([each.why_not for each in found.settled], ["it has stood still of late"])

    def test_proven_again(self) -> None:
        """What settled and grows again is a leak again, and not settled."""
        counts = list(range(40)) + [39] * 20 + [40 + n for n in range(40)]
        found = history_of((THING, counts)).findings()
        self.assertEqual((len(found.proven), found.settled), (1, ()))

    def test_hangs_on_another(self) -> None:
        """What was proven, and now hangs on something proven, has not settled."""
        below = (*THING, *THING[:1])
        early, late = list(range(80)), [1] * 40 + [n + 2 for n in range(40)]
        found = history_of((below, early), (THING, late)).findings()
        self.assertEqual([each.path for each in found.proven], [THING])
        self.assertEqual(found.settled, ())


class BytesTests(SynchronousTestCase):
    """The way through bytes."""

    def test_damaged(self) -> None:
        """Bytes that are no history are refused in one sentence."""
        good = history_of((THING, list(range(40)))).encode()
        fields = json.loads(zlib.decompress(good))
        newer = zlib.compress(json.dumps({**fields, "schema": 2}).encode())
        wrong = zlib.compress(json.dumps({**fields, "changed": [[99, 0, [], []]]}).encode())
        for data in (b"?", good[:-5], good[:50], zlib.compress(b"[]"), newer, wrong):
            caught = self.assertRaises(ValueError, GrowthHistory.decode, data)
            self.assertTrue(str(caught).startswith("this is no history of growth: "))
        self.assertIn("schema 2", str(self.assertRaises(ValueError, GrowthHistory.decode, newer)))

    def test_none_at_all(self) -> None:
        """No bytes are a new history."""
        self.assertEqual(GrowthHistory.decode(b"").snapshots, 0)

    @derandomized(12)
    @given(st.lists(anything, min_size=1, max_size=3), st.integers(1, SNAPSHOTS - 1))
    def test_round_trip(self, counts: list[list[int]], cut: int) -> None:
        """A history that went through bytes goes on, finds and encodes as one that did not."""
        straight, broken = GrowthHistory(), GrowthHistory()
        for number in range(SNAPSHOTS):
            now = [(path_of(f"T{n}"), each[number], each[0]) for n, each in enumerate(counts)]
            for history in (straight, broken):
                history.update(frozen(float(number), now, counts[0][-number]))
            if number % cut == 0:
                broken = GrowthHistory.decode(broken.encode())
        self.assertEqual(broken.findings(), straight.findings())
        self.assertEqual(broken.growing_paths, straight.growing_paths)
        self.assertEqual(broken.encode(), straight.encode())

    def test_bounded(self) -> None:
        """A thousand snapshots of a noisy path take little more than a hundred, and so do sizes."""
        random = Random(5)
        counts = noisy(random, 1000)
        lengths = [len(history_of((THING, counts[:n])).encode()) for n in (100, 1000)]
        self.assertLess(lengths[1], 2.5 * lengths[0])

    def test_unchanged_is_one_number(self) -> None:
        """Three hundred paths that never change take as many bytes after 80 snapshots as after 4."""
        paths = [(path_of(f"T{n}"), [3] * 80) for n in range(300)]
        few, many = (
            len(history_of(*((path, counts[:n]) for path, counts in paths)).encode())
            for n in (4, 80)
        )
        self.assertLess(many, few + 300)


class PromiseTests(SynchronousTestCase):
    """What holds for whatever counts there are."""

    @derandomized(12)
    @given(increasing)
    def test_leak_is_proven(self, steps: list[int]) -> None:
        """What rises all the time, never ten times slower than before, is proven at the end."""
        counts = sums([10 + step // 5 for step in steps])
        self.assertEqual(len(history_of((THING, counts)).findings().proven), 1)

    @derandomized(12)
    @given(anything, anything)
    def test_within_its_bounds(self, early: list[int], late: list[int]) -> None:
        """What stays within its first half's bounds in the second is not proven at the end."""
        half = SNAPSHOTS // 2
        first = early[:half]
        # The first snapshots are looked past, so that the bounds have to be shown after them.
        bounds = min(first[WARM_UP:]), max(first[WARM_UP:])
        second = [min(max(each, bounds[0]), bounds[1]) for each in late[:half]]
        self.assertEqual(history_of((THING, first + second)).findings().proven, ())

    @derandomized(12)
    @given(increasing, anything, st.randoms(use_true_random=False))
    def test_order_of_rows(self, steps: list[int], counts: list[int], random: Random) -> None:
        """The order of the rows has no say, not even in the bytes."""
        rows = [(THING, sums(steps)), (OTHER, counts), (path_of("Third"), counts[::-1])]
        straight = history_of(*rows)
        random.shuffle(rows)
        self.assertEqual(history_of(*rows).encode(), straight.encode())
        self.assertEqual(history_of(*rows).findings(), straight.findings())

    @derandomized(12)
    @given(anything, st.integers(2, 9))
    def test_scaled(self, counts: list[int], times: int) -> None:
        """So many times as much of everything is proven just as well."""
        straight = history_of((THING, sums(counts))).findings().proven
        scaled = history_of((THING, [times * each for each in sums(counts)])).findings().proven
        self.assertEqual(len(straight), len(scaled))

    @derandomized(12)
    @given(anything)
    def test_another_that_stands(self, counts: list[int]) -> None:
        """Something that never changes changes nothing for what does."""
        alone = history_of((THING, counts)).findings()
        self.assertEqual(history_of((THING, counts), (OTHER, [7] * SNAPSHOTS)).findings(), alone)

    def test_simulated_leaks(self) -> None:
        """Leaks of many kinds are proven within 40 snapshots."""
        for seed in range(2):
            for case in leaks(Random(seed), SNAPSHOTS):
                self.assertEqual(proven_at(case, SNAPSHOTS), [SNAPSHOTS], (case.name, seed))

    def test_simulated_noise(self) -> None:
        """What goes up and down for ever is never proven, by itself or with the connections."""
        for seed in range(2):
            load = day(Random(seed), 60)
            counts = {path_of(kind): each for kind, each in noise(Random(seed), 18, 60, load)}
            history = GrowthHistory()
            for number, open_now in enumerate(load):
                now = [(path, each[number], each[number]) for path, each in counts.items()]
                history.update(frozen(60.0 * number, now, open_now))
                self.assertEqual(history.findings().proven, ())

    def test_simulated_health(self) -> None:
        """Nothing healthy that finds its bound in half of the time is proven in the end."""
        for seed in range(2):
            for case in healthy(Random(seed), SNAPSHOTS):
                self.assertEqual(proven_at(case, SNAPSHOTS), [], (case.name, seed))
