"""Which paths grow, and which of them is to blame."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.growthseries import frozen
from txresource.heap.paths import BOUNDED, Path, PathRow, Step
from txresource.leaks.claims import LEAST_GAIN, LEAST_SIZE
from txresource.leaks.growth import Findings, GrowthHistory
from txresource.leaks.tallies import NAMES, count_names

MODULE = Step("module app", "module")
ROOM = (MODULE, Step(".ROOM", "app.Room"))
LIST = (*ROOM, Step(".messages", "list"))
ITEMS = (*LIST, Step("[*]", "app.Message"))
TEXTS = (*ITEMS, Step(".text", "str"))


def watched(*paths: tuple[Path, list[int], list[int]], load: list[int] | None = None) -> Findings:
    """What is found when paths had these counts and these sizes, one for each snapshot."""
    history = GrowthHistory()
    for number in range(len(paths[0][1])):
        now = [(path, counts[number], sizes[number]) for path, counts, sizes in paths]
        history.update(frozen(60.0 * number, now, load[number] if load else None))
    return history.findings()


def grows(path: Path, snapshots: int = 40, times: int = 1) -> tuple[Path, list[int], list[int]]:
    """A path with more objects each time."""
    counts = [times * (number + 1) for number in range(snapshots)]
    return path, counts, [100 * count for count in counts]


def stands(path: Path, count: int = 1, snapshots: int = 40) -> tuple[Path, list[int], list[int]]:
    """A path with the same objects each time."""
    return path, [count] * snapshots, [100 * count] * snapshots


class TopMostTests(SynchronousTestCase):
    """What hangs together is told once."""

    def test_top_most(self) -> None:
        """Of what grows on one branch the top-most is told, and nothing that hangs on it."""
        found = watched(stands(ROOM), stands(LIST), grows(ITEMS), grows(TEXTS, times=3))
        self.assertEqual([finding.path for finding in found.proven], [ITEMS])
        self.assertEqual(found.growing, ())

    def test_gap(self) -> None:
        """It explains what grows further down, too, over something that does not."""
        deep = (*TEXTS, Step(".x", "dict"), Step("[*]", "app.Deep"))
        found = watched(grows(ITEMS), stands(TEXTS), grows(deep))
        self.assertEqual([finding.path for finding in found.proven], [ITEMS])

    def test_two(self) -> None:
        """Two leaks are told as two, the one that gains more first, or the larger share."""
        other = (MODULE, Step(".LOG", "list"), Step("[*]", "app.Line"))
        history = GrowthHistory()
        one, two = grows(ITEMS), grows(other, times=2)
        for number in range(40):
            now = [(path, counts[number], sizes[number]) for path, counts, sizes in (one, two)]
            history.update(frozen(float(number), now))
        self.assertEqual([each.path for each in history.findings().proven], [other, ITEMS])
        shared = history.findings({ITEMS: (500, 400), other: (30, 20)}).proven
        self.assertEqual([each.path for each in shared], [ITEMS, other])
        self.assertEqual([(each.share, each.exclusive) for each in shared], [(500, 400), (30, 20)])

    def test_doubtful_holder(self) -> None:
        """A leak below something that merely goes up and down is told, and both are."""
        swings = [1 + 5 * number + (0, 90, 20, 130, 60)[number % 5] for number in range(40)]
        found = watched((LIST, swings, [1] * 40), grows(ITEMS))
        self.assertEqual([finding.path for finding in found.proven], [ITEMS])
        self.assertEqual([finding.path for finding in found.growing], [LIST])

    def test_below(self) -> None:
        """Growth leads on to the first kind of the program's own that grows as much by half."""
        tuples = (*LIST, Step("[*]", "tuple"))
        first, second = (*tuples, Step("[*]", "app.A")), (*tuples, Step("[*]", "app.B"))
        found = watched(grows(tuples, times=4), grows(first), grows(second, times=2))
        self.assertEqual(found.proven[0].below, (Step("[*]", "app.B"),))
        found = watched(grows(tuples, times=4), grows(first))
        self.assertEqual(found.proven[0].below, ())
        found = watched(grows(ITEMS), grows((*ITEMS, Step(".next", "app.Other"))))
        self.assertEqual(found.proven[0].below, ())

    def test_below_largest(self) -> None:
        """Of two as near the one that gains more is told, and none that gains less than half."""
        tuples = (*LIST, Step("[*]", "tuple"))
        first, second = (*tuples, Step("[*]", "app.A")), (*tuples, Step("[*]", "app.B"))
        found = watched(grows(tuples, times=4), grows(first, times=2), grows(second, times=3))
        self.assertEqual(found.proven[0].below, (Step("[*]", "app.B"),))
        found = watched(grows(tuples, times=5), grows(first, times=2))
        self.assertEqual(found.proven[0].below, ())

    def test_below_nearest(self) -> None:
        """The nearest kind of the program's own is told, not a larger one further down."""
        tuples = (*LIST, Step("[*]", "tuple"))
        near = (*tuples, Step("[*]", "app.Near"))
        far = (*near, Step(".far", "app.Far"))
        found = watched(grows(tuples), grows(near), grows(far, times=9))
        self.assertEqual(found.proven[0].below, (Step("[*]", "app.Near"),))


class SizeTests(SynchronousTestCase):
    """What swells while its count stands still."""

    def test_size(self) -> None:
        """A buffer that swells is proven by its bytes, with what it gained and how fast."""
        sizes = [1000 * number for number in range(40)]
        (finding,) = watched((LIST, [1] * 40, sizes)).proven
        self.assertEqual((finding.measure, finding.path), ("size", LIST))
        self.assertEqual((finding.count, finding.size, finding.gained), (1, 39_000, 36_000))
        self.assertEqual((finding.since, finding.seconds), (180.0, 36 * 60.0))
        self.assertEqual(finding.per_minute, 1000.0)

    def test_little(self) -> None:
        """A few bytes are no growth."""
        for step, found in ((LEAST_SIZE // 36 - 1, 0), (LEAST_SIZE // 36 + 1, 1)):
            sizes = [step * number for number in range(40)]
            self.assertEqual(len(watched((LIST, [1] * 40, sizes)).proven), found)

    def test_holder(self) -> None:
        """A list that grows because of what is in it is not told itself."""
        lists = (LIST, [1] * 40, [1000 * number for number in range(40)])
        found = watched(lists, grows(ITEMS))
        self.assertEqual([finding.measure for finding in found.proven], ["count"])
        self.assertEqual(found.growing, ())

    def test_count_changes(self) -> None:
        """Bytes are compared as long as there are as many objects, and from then on anew."""
        sizes = [1000 * number for number in range(40)]
        self.assertEqual(watched((LIST, [1] * 30 + [2] * 10, sizes)).proven, ())
        self.assertEqual(len(watched((LIST, [2] * 10 + [1] * 30, sizes)).proven), 1)


class DoubtTests(SynchronousTestCase):
    """What grows and is no leak for all that."""

    def doubt(self, findings: Findings) -> str | None:
        """Why the one thing that grows is not proven."""
        self.assertEqual(findings.proven, ())
        (finding,) = findings.growing
        return finding.why_not

    def test_bounded(self) -> None:
        """What a container holds that bounds itself is no leak, nor what hangs on it."""
        bounded = (*ROOM, Step(".recent", "collections.deque" + BOUNDED))
        held = (*bounded, Step("[*]", "tuple"))
        found = watched(grows(held), grows((*held, Step("[*]", "app.Message"))))
        self.assertEqual(self.doubt(found), "its container bounds itself")
        self.assertEqual(found.growing[0].path, held)

    def test_leak_in_bounded(self) -> None:
        """What leaks further down, of something that does not grow, is a leak."""
        bounded = (*ROOM, Step(".recent", "collections.deque" + BOUNDED))
        held = (*bounded, Step("[*]", "app.Session"))
        found = watched(stands(held), grows((*held, Step("[*]", "app.Message"))))
        self.assertEqual(len(found.proven), 1)

    def test_moved(self) -> None:
        """What came from another path is no leak, and what is let go besides changes nothing."""
        old = (*ROOM, Step(".old", "list"), Step("[*]", "app.Message"))
        gone = [100 - number for number in range(40)]
        found = watched(grows(ITEMS), (old, gone, gone))
        self.assertEqual(self.doubt(found), "as many went away elsewhere")
        gone = [2000 - 50 * number for number in range(40)]
        self.assertEqual(len(watched(grows(ITEMS), (old, gone, gone)).proven), 1)
        other = (*ROOM, Step(".old", "list"), Step("[*]", "app.Other"))
        gone = [100 - number for number in range(40)]
        self.assertEqual(len(watched(grows(ITEMS), (other, gone, gone)).proven), 1)

    def test_load(self) -> None:
        """What grows with the open connections is no leak."""
        load = [number + 1 for number in range(40)]
        found = watched(grows(ITEMS), load=load)
        self.assertEqual(self.doubt(found), "it grows with the open connections")

    def test_little_that_falls_too(self) -> None:
        """What goes up and down on its way is told from 128 objects on, and not before."""
        for times, told in ((1, 0), (10, 1)):
            swings = [times * (3 * n + (0, 40, 10, 60, 30)[n % 5]) for n in range(40)]
            found = watched((ITEMS, swings, swings))
            self.assertEqual((len(found.proven), len(found.growing)), (0, told))

    def test_streak(self) -> None:
        """What rises quickly is told to grow long before anything is proven, and for how long."""
        jumps = [0, 0, 0, 0, 50, 100, 150, 200]
        found = watched((ITEMS, jumps, jumps))
        self.assertEqual(self.doubt(found), "it has grown for 4 snapshots of 24")
        self.assertEqual((found.growing[0].gained, found.growing[0].since), (200, 180.0))
        for less in ([0] * 4 + [LEAST_GAIN // 3 * n for n in (1, 2, 3)], [0] * 6 + [100, 200]):
            self.assertEqual(watched((ITEMS, less, less)).growing, ())

    def test_shortest_streak(self) -> None:
        """Three rises running are told, from 128 objects on; two are not, however many."""
        for steps, told in (((40, 40, 48), 1), ((40, 40, 47), 0), ((0, 900, 900), 0)):
            counts = [5] * 5 + [5 + sum(steps[: n + 1]) for n in range(3)]
            growing = watched((ITEMS, counts, counts)).growing
            self.assertEqual(len(growing), told)
            for each in growing:
                self.assertEqual(each.why_not, "it has grown for 3 snapshots of 24")
                self.assertEqual((each.gained, each.since), (LEAST_GAIN, 240.0))


class NameTests(SynchronousTestCase):
    """What grows by ever new names."""

    def test_names(self) -> None:
        """A namespace that gets ever new names is a leak of names, told at the namespace."""
        history = GrowthHistory()
        for number in range(40):
            names = [((*ROOM, Step(f".user_{n}", "app.User")), 1, 50) for n in range(number)]
            history.update(frozen(float(number), [(ROOM, 1, 48), *names]))
        (finding,) = history.findings().proven
        self.assertEqual((finding.path, finding.measure), ((*ROOM, NAMES), "count"))
        self.assertEqual((finding.count, finding.size, finding.gained), (39, 39 * 50, 36))
        self.assertNotIn((*ROOM, NAMES), history.growing_paths)

    def test_classes(self) -> None:
        """A list of objects, each of a class of its own, is a leak told at the list."""
        history = GrowthHistory()
        for number in range(40):
            items = [((*LIST, Step("[*]", f"app.Made{n}")), 1, 50) for n in range(number)]
            history.update(frozen(float(number), [(ROOM, 1, 48), (LIST, 1, 56), *items]))
        (finding,) = history.findings().proven
        self.assertEqual((finding.path, finding.measure), ((*LIST, NAMES), "count"))

    def test_count_names(self) -> None:
        """Names are counted from two on, and of items without names the kinds."""
        rows = [PathRow(ROOM, 1, 10), PathRow(LIST, 3, 20), PathRow(ITEMS, 7, 30)]
        rows.append(PathRow((*ROOM, Step(".log", "list")), 1, 5))
        rows.append(PathRow((*LIST, Step("[*]", "app.Other")), 2, 8))
        counted = {(*ROOM, NAMES): (2, 25), (*LIST, NAMES): (2, 38)}
        self.assertEqual(count_names(rows), counted)
        self.assertEqual(count_names([PathRow((MODULE,), 1, 1)]), {})
