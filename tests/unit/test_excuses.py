"""What grows and is no leak for all that: because of what holds it, or of where it came from."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.test_claims import ITEMS, LIST, MODULE, ROOM, grows, stands, watched
from txresource.heap.paths import BOUNDED, Path, Step
from txresource.leaks.excuses import FOLLOWS, TABLE_ROOM, is_item
from txresource.leaks.growth import Findings

HALF = [min(n, 20) for n in range(40)]
RISING = list(range(1, 41))
ITEM = Step("[*]", "app.Message")


def told(found: Findings) -> tuple[list[Path], list[Path]]:
    """The paths that are proven, and those that grow."""
    return [each.path for each in found.proven], [each.path for each in found.growing]


class FollowerTests(SynchronousTestCase):
    """What each object holds one of."""

    NAME = (*ROOM, Step(".name", "str"))

    def test_no_more_than_holders(self) -> None:
        """What objects come to have one by one, by a name, is no leak: there is one for each."""
        for holders, leaks in ((40, []), (39, [self.NAME])):
            sizes = [99 * n for n in RISING]
            found = watched(stands(ROOM, holders), (self.NAME, RISING, sizes))
            self.assertEqual(told(found), (leaks, []))
        found = watched(stands(ROOM[:1], 40), (ROOM, RISING, RISING))
        self.assertEqual(told(found), ([], []))

    def test_chain(self) -> None:
        """A chain that has been folded has more links than holders, and is a leak."""
        link = (*ROOM, Step(".next", "app.Link"))
        self.assertEqual(told(watched(stands(ROOM), grows(link)))[0], [link])

    def test_items(self) -> None:
        """Items are bounded by nothing, however many there are that hold them."""
        for edge in ("[*]", "[key]"):
            items = (*LIST, Step(edge, "str"))
            found = watched(stands(LIST, 500), (items, RISING, RISING))
            self.assertEqual(told(found)[0], [items])

    def test_root(self) -> None:
        """A root has no holder."""
        self.assertEqual(told(watched(grows(ROOM[:1])))[0], [ROOM[:1]])

    def test_what_hangs_on_it(self) -> None:
        """What hangs on such a thing follows with it, but not where it becomes more for each."""
        rooms, lists = stands(ROOM, 40), (LIST, RISING, RISING)
        three = [3 * n for n in RISING]
        found = watched(rooms, lists, (ITEMS, three, three))
        self.assertEqual(told(found), ([], []))
        more = [n * n for n in RISING]
        found = watched(rooms, lists, (ITEMS, more, more))
        self.assertEqual(told(found), ([ITEMS], []))

    def test_streak(self) -> None:
        """It does from the first snapshots on."""
        counts = [0, 0, 0, 0, 50, 100, 150, 200]
        lists = (LIST, counts, counts)
        found = watched((ROOM, [200] * 8, [1] * 8), lists, (ITEMS, counts, counts))
        self.assertEqual(told(found), ([], []))

    def test_doubt(self) -> None:
        """Growth leads on through it to the first kind of the program's own."""
        timers = (Step("timers", "twisted.DelayedCall"),)
        tuples = (*timers, Step(".args", "tuple"))
        own = (*tuples, Step("[*]", "app.Message"))
        (finding,) = watched(grows(timers), grows(tuples), grows(own)).proven
        self.assertEqual((finding.path, finding.below), (timers, own[1:]))
        self.assertEqual(FOLLOWS, "there are no more than of what holds it")


class TableTests(SynchronousTestCase):
    """The bytes of containers."""

    OTHER = (MODULE, Step(".log", "list"), Step("[*]", "app.Line"))

    def sized(self, gained: int) -> tuple[Path, list[int], list[int]]:
        """A list that gains so many bytes over all that is looked at."""
        return LIST, [1] * 40, [max(0, n - 3) * gained // 36 for n in range(40)]

    def test_items_counted(self) -> None:
        """What a container gains is no leak as long as the items there would need as much."""
        for items in (100, 200):
            room = TABLE_ROOM * items
            known = stands(ITEMS, items)
            self.assertEqual(told(watched(self.sized(room), known)), ([], []))
            self.assertEqual(told(watched(self.sized(room + 1), known)), ([LIST], []))

    def test_most_items(self) -> None:
        """A table stays large when its items go: the most there were are counted."""
        counts = [200 if n < 30 else 1 for n in range(40)]
        items = (ITEMS, counts, counts)
        self.assertEqual(told(watched(self.sized(TABLE_ROOM * 200), items)), ([], []))
        self.assertEqual(told(watched(self.sized(TABLE_ROOM * 200 + 1), items)), ([LIST], []))

    def test_keys_and_values(self) -> None:
        """A container's kinds of items are looked at one by one, as each key has a value."""
        keys = (*LIST, Step("[key]", "str"))
        found = watched(self.sized(TABLE_ROOM * 100), stands(ITEMS, 60), stands(keys, 100))
        self.assertEqual(told(found), ([], []))
        found = watched(self.sized(TABLE_ROOM * 100 + 1), stands(ITEMS, 60), stands(keys, 100))
        self.assertEqual(told(found), ([LIST], []))

    def test_items_counted_elsewhere(self) -> None:
        """It may hold as well what grows elsewhere."""
        room = TABLE_ROOM * 36
        for gained, found in ((room, [self.OTHER]), (room + 1, [LIST, self.OTHER])):
            self.assertEqual(told(watched(self.sized(gained), grows(self.OTHER))), (found, []))

    def test_buffer(self) -> None:
        """What holds nothing anywhere swells by itself, whatever grows elsewhere."""
        buffer = (*ROOM, Step(".buffer", "bytearray"))
        sizes = [n * 300 for n in range(40)]
        found = watched((buffer, [1] * 40, sizes), grows(self.OTHER, times=1000))
        self.assertEqual(told(found)[0], [self.OTHER, buffer])


class BoundedTests(SynchronousTestCase):
    """Containers that bound themselves."""

    CACHE = (MODULE, Step(".parse", "lru" + BOUNDED))
    INNER = (*CACHE, Step("[*]", "dict"))
    LINKS = (*INNER, Step("[*]", "link"))
    RESULTS = (*CACHE, Step("[*]", "app.Result"))

    def test_inner(self) -> None:
        """What a bounded container keeps inside is bounded as its items are."""
        found = watched(stands(self.INNER), grows(self.LINKS), grows(self.RESULTS))
        self.assertEqual(found.proven, ())
        self.assertEqual({each.why_not for each in found.growing}, {"its container bounds itself"})

    def test_kept_in_a_result(self) -> None:
        """What one of its items keeps grows without them, and is a leak."""
        found = watched(stands(self.INNER), grows(self.LINKS), stands(self.RESULTS))
        self.assertEqual(told(found)[0], [self.LINKS])

    def test_held_by_a_name(self) -> None:
        """What something held by it leads to by a name is not inside."""
        kept = (*self.RESULTS, Step(".kept", "list"))
        items = (*kept, ITEM)
        others = (*self.CACHE, Step("[*]", "tuple"))
        found = watched(stands(self.RESULTS), stands(kept), grows(items), grows(others))
        self.assertEqual(told(found), ([items], [others]))

    def test_deeper(self) -> None:
        """It is so through any number of containers."""
        lists = (*self.LINKS, Step("[key]", "list"))
        deep = (*lists, Step("[*]", "str"))
        found = watched(stands(self.LINKS), stands(lists), grows(deep), grows(self.RESULTS))
        self.assertEqual(found.proven, ())

    def test_root(self) -> None:
        """A root may say that it bounds itself."""
        root = (Step("pool" + BOUNDED, "app.Thing"),)
        self.assertEqual(told(watched(grows(root))), ([], [root]))

    def test_is_item(self) -> None:
        """Items are what has no name of its own in what holds it."""
        self.assertTrue(is_item(ITEMS))
        self.assertTrue(is_item((*LIST, Step("[key]", "str"))))
        self.assertTrue(is_item((MODULE, ITEM)))
        for path in (LIST, (Step("[*]", "x"),), (*LIST, Step('["name"]', "str"))):
            self.assertFalse(is_item(path))


class MovedTests(SynchronousTestCase):
    """What came from elsewhere."""

    GONE = (*ROOM, Step(".old", "list"), ITEM)

    def test_moved(self) -> None:
        """As many have gone from one path as have come to another, snapshot by snapshot."""
        counts = [100 - n for n in range(40)]
        (finding,) = watched(grows(ITEMS), (self.GONE, counts, counts)).growing
        self.assertEqual(finding.why_not, "as many went away elsewhere")

    def test_tides(self) -> None:
        """What comes and goes by itself, and is fewer in the end by chance, does not excuse."""
        counts = [(90, 20, 70, 110, 40)[n % 5] + (30 if n < 20 else 0) for n in range(40)]
        found = watched(grows(ITEMS), (self.GONE, counts, counts))
        self.assertEqual(told(found)[0], [ITEMS])

    def test_nearly(self) -> None:
        """A leak that is less than half of what came cannot be told from what has moved."""
        for left, leaks in ((1.0, []), (0.7, []), (0.4, [ITEMS])):
            counts = [100 - int(left * n) for n in range(40)]
            self.assertEqual(told(watched(grows(ITEMS), (self.GONE, counts, counts)))[0], leaks)


class GroupTests(SynchronousTestCase):
    """One container, one finding."""

    KEYS = (*LIST, Step("[key]", "app.Key"))
    TEXTS = (*LIST, Step("[*]", "str"))

    def test_values_and_keys(self) -> None:
        """A dictionary that grows is told once, by its values, or by the keys where they alone do."""
        self.assertEqual(told(watched(grows(self.KEYS), grows(ITEMS))), ([ITEMS], []))
        self.assertEqual(told(watched(grows(self.KEYS), stands(ITEMS))), ([self.KEYS], []))

    def test_own_kind(self) -> None:
        """Of several kinds one of the program's own is told."""
        self.assertEqual(told(watched(grows(self.TEXTS, times=9), grows(ITEMS)))[0], [ITEMS])
        texts = (*LIST, Step("[*]", "aaa"))
        self.assertEqual(told(watched(grows(texts), grows(ITEMS)))[0], [texts])

    def test_leak_first(self) -> None:
        """Of a container that holds a leak the leak is told, and nothing that only grows."""
        swings = [10 * (3 * n + (0, 40, 10, 60, 30)[n % 5]) for n in range(40)]
        found = watched(grows(self.KEYS), (ITEMS, swings, swings))
        self.assertEqual(told(found), ([self.KEYS], []))

    def test_two_containers(self) -> None:
        """Two containers are two findings, also of one kind, and so are two roots."""
        other = (*ROOM, Step(".other", "list"), ITEM)
        self.assertEqual(len(watched(grows(other), grows(ITEMS)).proven), 2)
        roots = [(Step("[*]", kind),) for kind in ("app.A", "app.B")]
        self.assertEqual(len(watched(*map(grows, roots)).proven), 2)


class GarbageTests(SynchronousTestCase):
    """What waits for the collector."""

    def test_garbage(self) -> None:
        """Garbage grows until the collector runs, and is never told to grow."""
        for path in ((Step("garbage", "app.Order"),), (Step("garbage", "list"), ITEM)):
            found = watched(grows(path, times=50))
            self.assertEqual((found.proven, found.growing), ((), ()))
