"""What a tree holds, in a number and in a few lines."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from tests.unit.closing_case import ClosingCase
from txresource.treetext import count_open, in_flight, outline


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

    def test_count_open(self) -> None:
        """What only holds other things is in no count."""
        self.own("x", self.child("inner"))
        self.own("y")
        self.assertEqual(count_open(self.scope._node), 2)

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
