"""What one snapshot has more of than another."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.cli_case import BUFFER, MESSAGE, MESSAGES, ROOM, TEXT, chat, heap
from txresource.cli.differences import Change, changes, groups, path_changes, type_changes
from txresource.heap.paths import Path, PathRow, Step

AMOUNTS = st.dictionaries(
    st.sampled_from("abcd"), st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=4
)
STEPS = st.sampled_from([Step(".a", "A"), Step(".b", "B"), Step("[*]", "list")])
PATHS = st.lists(STEPS, min_size=1, max_size=5).map(tuple)
MORE = st.tuples(st.integers(0, 3), st.integers(0, 3)).filter(any)
CHANGED = st.dictionaries(PATHS, MORE, max_size=12).map(
    lambda found: {path: Change(n, size, n, size, n) for path, (n, size) in found.items()}
)
SETTINGS = settings(derandomize=True, deadline=None, max_examples=30)


class ChangeTests(SynchronousTestCase):
    """By any key."""

    def check(
        self, first: tuple[int, int], second: tuple[int, int], third: tuple[int, int]
    ) -> Change | None:
        """What changed of one key."""
        return changes({"a": first}, {"a": second}, {"a": third}).get("a")

    def test_two(self) -> None:
        """With the second as the third, what became more is what was allocated."""
        self.assertEqual(self.check((5, 50), (8, 90), (8, 90)), Change(3, 40, 3, 40, 8))

    def test_three(self) -> None:
        """What was allocated and is gone again does not count, nor what came later."""
        self.assertEqual(self.check((5, 50), (9, 90), (7, 70)), Change(2, 20, 4, 40, 7))
        self.assertEqual(self.check((5, 50), (9, 90), (99, 990)), Change(4, 40, 4, 40, 99))
        self.assertIsNone(self.check((5, 50), (9, 90), (5, 50)))
        self.assertIsNone(self.check((5, 50), (9, 90), (1, 10)))
        self.assertIsNone(self.check((5, 50), (5, 50), (9, 90)))

    def test_bytes_alone(self) -> None:
        """What holds as many objects and more bytes has changed; fewer objects are none more."""
        self.assertEqual(self.check((1, 50), (1, 90), (1, 80)), Change(0, 30, 0, 40, 1))
        self.assertEqual(self.check((5, 50), (4, 90), (4, 90)), Change(0, 40, 0, 40, 4))

    def test_new_and_gone(self) -> None:
        """What was not there counts as none."""
        self.assertEqual(changes({}, {"a": (2, 20)}, {"a": (2, 20)})["a"], Change(2, 20, 2, 20, 2))
        self.assertEqual(changes({}, {"a": (2, 20)}, {}), {})
        self.assertEqual(changes({"a": (2, 20)}, {}, {}), {})

    @given(AMOUNTS, AMOUNTS, AMOUNTS)
    @SETTINGS
    def test_bounds(
        self,
        first: dict[str, tuple[int, int]],
        second: dict[str, tuple[int, int]],
        third: dict[str, tuple[int, int]],
    ) -> None:
        """What is still there is never more than was allocated, nor than there is."""
        for key, change in changes(first, second, third).items():
            self.assertLessEqual(change.count, change.allocated_count)
            self.assertLessEqual(change.size, change.allocated_size)
            self.assertLessEqual(change.count, third[key][0])
            self.assertTrue(change.count or change.size)

    @given(AMOUNTS, AMOUNTS)
    @SETTINGS
    def test_nothing_by_itself(
        self, first: dict[str, tuple[int, int]], second: dict[str, tuple[int, int]]
    ) -> None:
        """From a snapshot to itself nothing changes, and what returns to it has not changed."""
        self.assertEqual(changes(first, first, second), {})
        self.assertEqual(changes(first, second, first), {})


class HeapTests(SynchronousTestCase):
    """By paths and types of frozen heaps."""

    def test_paths(self) -> None:
        """Each path has its own change."""
        before, after = chat(2), chat(12)
        found = path_changes(before, after, after)
        self.assertEqual(found[MESSAGE], Change(10, 560, 10, 560, 12))
        self.assertEqual(found.keys(), {MESSAGES, MESSAGE, TEXT})

    def test_types(self) -> None:
        """Types are those of the census, the largest first."""
        before, after = chat(2), chat(12)
        found = type_changes(before, after, after)
        self.assertEqual(list(found), ["str", "chat.Message", "list"])
        self.assertEqual(found["str"].count, 10)


class GroupTests(SynchronousTestCase):
    """Paths by the top-most of which there is more."""

    def test_below(self) -> None:
        """What became more below what became more is counted there, and is no group."""
        (group,) = groups(path_changes(chat(2), chat(12), chat(12)))
        self.assertEqual(group.path, MESSAGE)
        self.assertEqual((group.below_count, group.below_size), (10, 600))
        self.assertEqual(group.size, 1160)

    def test_container_that_got_larger(self) -> None:
        """A list that got larger for its items is no group of its own."""
        found = path_changes(chat(2), chat(12), chat(12))
        self.assertIn(MESSAGES, found)
        self.assertNotIn(MESSAGES, [group.path for group in groups(found)])

    def test_thing_that_got_larger(self) -> None:
        """What got larger by itself is a group."""
        before, after = chat(2, buffer=1000), chat(2, buffer=9000)
        (group,) = groups(path_changes(before, after, after))
        self.assertEqual((group.path, group.change.size), (BUFFER, 8000))

    def test_gap(self) -> None:
        """A path belongs to the group above it also where the one between has not changed."""
        rows = [PathRow(ROOM, 2, 10), PathRow(MESSAGES, 1, 5), PathRow(MESSAGE, 3, 7)]
        after = heap(rows)
        (group,) = groups(path_changes(heap([rows[1]]), after, after))
        self.assertEqual((group.path, group.below_count), (ROOM, 3))

    def test_order(self) -> None:
        """The group with the most bytes, those below it counted, comes first."""
        after = chat(12, buffer=2001)
        found = groups(path_changes(chat(2), after, after))
        self.assertEqual([group.path for group in found], [MESSAGE, BUFFER])

    @given(CHANGED)
    @SETTINGS
    def test_partition(self, changed: dict[Path, Change]) -> None:
        """Each path with more objects is in one group, below the shortest of them; none is twice."""
        found = groups(changed)
        for path, change in changed.items():
            over = [group for group in found if path[: len(group.path)] == group.path]
            self.assertLessEqual(len(over), 1)
            if change.count:
                self.assertEqual(len(over), 1, path)
        inside = sum(group.change.count + group.below_count for group in found)
        self.assertEqual(inside, sum(change.count for change in changed.values()))
