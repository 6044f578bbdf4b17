"""What a tree holds, in a number and in a few lines."""

from __future__ import annotations

from collections import Counter

from twisted.internet.defer import Deferred

from tests.unit.closing_case import ClosingCase
from txresource.outcome import Abandoned
from txresource.treetext import (
    describe_counts,
    describe_open,
    in_flight,
    oldest,
    open_below,
    outline,
    outline_abandoned,
)


class TreeTextTests(ClosingCase):
    """Numbers and lines, cheap on a wide tree."""

    def test_in_flight(self) -> None:
        """What is busy is counted, in the scope and below; what cannot say so is not."""
        self.own("idle")
        self.own("busy", busy=True)
        broken = self.own("broken", busy=ValueError())
        inner = self.child("inner")
        task = inner.start(Deferred())
        self.assertEqual((self.scope.in_flight, inner.in_flight), (2, 1))
        self.assertEqual(self.scope.statistics().in_flight, 2)
        task.cancel()
        task.addErrback(lambda _: None)
        self.assertEqual(in_flight(self.scope._node), 1)
        broken.does.clear()

    def test_open(self) -> None:
        """What only holds other things is in no count."""
        self.assertEqual(describe_open(self.scope._node), "nothing")
        self.own("x", self.child("inner"))
        self.own("y")
        self.assertEqual(describe_open(self.scope._node), "2 probes")

    def test_counts(self) -> None:
        """Numbers are said in words, in the order in which the kinds were met."""
        counts = Counter(port=2, process=2, connecting=3, task=1)
        self.assertEqual(describe_counts(counts), "2 ports, 2 processes, 3 connecting, 1 task")

    def test_oldest(self) -> None:
        """The oldest have a line of their own, with age and creation line; the rest is counted."""
        for number in range(5):
            self.own(f"p{number}", self.scope if number else self.child("inner"))
            self.clock.advance(1)
        lines = oldest(open_below(self.scope._node), most=3).splitlines()
        self.assertEqual(
            [line.split("  [")[0] for line in lines],
            [
                "  probe p0  open, 5.0 s",
                "  probe p1  open, 4.0 s",
                "  probe p2  open, 3.0 s",
                "  … and 2 more",
            ],
        )

    def test_oldest_of_an_owner(self) -> None:
        """What no line of the user's made is shown with the owner that somebody did make."""
        self.own("p", self.child("inner")).node.site = None
        self.assertIn(
            "  probe p  open, 0.0 s, of scope inner  [closing_case.py:",
            oldest(open_below(self.scope._node)),
        )

    def test_abandoned(self) -> None:
        """What was given up stands below what owned it, each owner once, with its reason."""
        gone = [
            Abandoned("task t", "a.py:1 in f", 1.5, None, ("factory A", "connection C")),
            Abandoned("service S", None, 1.5, "ValueError"),
            Abandoned("loop l", None, 1.5, None, ("factory A",)),
        ]
        self.assertEqual(
            outline_abandoned(gone).splitlines(),
            [
                "service S: ValueError",
                "factory A",
                "  loop l: it does not end",
                "  connection C",
                "    task t: it does not end  [a.py:1 in f]",
            ],
        )
        self.assertEqual(outline_abandoned(gone, most=1).splitlines()[1:], ["… and 2 more"])

    def test_lines(self) -> None:
        """Each thing has a line, indented by depth, with the code that made it."""
        self.own("deep", self.child("inner"))
        lines = outline(self.scope._node).splitlines()
        self.assertEqual([len(line) - len(line.lstrip()) for line in lines], [0, 2, 4])
        self.assertTrue(lines[2].strip().startswith("probe deep  open, 0.0 s  ["))

    def test_alike(self) -> None:
        """Of many of one kind the first five are shown, and the rest is counted."""
        for number in range(100):
            self.own(f"p{number}")
        lines = outline(self.scope._node).splitlines()
        self.assertEqual(len(lines), 7)
        self.assertEqual(lines[-1].strip(), "… and 95 more of kind probe")

    def test_bounded(self) -> None:
        """However much is open, there are no more lines than asked for, and one that says so."""
        for number in range(60):
            self.own("x", self.child(f"c{number}"))
        lines = outline(self.scope._node, most=50).splitlines()
        self.assertEqual((len(lines), lines[-1]), (51, "… and 71 more below"))
