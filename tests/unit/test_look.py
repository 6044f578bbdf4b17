"""The job of a child, where there is none: what is judged, and what is kept."""

from __future__ import annotations

import gc
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.collector import hide_what_is_older
from txresource.leaks.growth import GrowthHistory
from txresource.leaks.look import Errand, history_of, look_here, no_verdict


class Grain:
    """What there is more and more of."""


def errand(now: float, history: bytes) -> Errand:
    """What to know for a look at a moment."""
    return Errand(None, now, 2**20, 3, 77, history)


class HereTests(SynchronousTestCase):
    """Without a fork, by types and counts alone."""

    def setUp(self) -> None:
        """Of what there is already nothing is seen: it is not what is looked for, and much."""
        hide_what_is_older(self)

    def test_types(self) -> None:
        """Each type is a path of one step, and the numbers are those of the errand."""
        kept = [Grain() for _ in range(123)]
        heap, verdict, _ = look_here(errand(5.0, b""))
        (row,) = [row for row in heap.rows if row.path[0].kind == f"{__name__}.Grain"]
        self.assertEqual((row.path[0].edge, row.count, len(row.path)), ("type", len(kept), 1))
        self.assertEqual((heap.taken_at, heap.rss, heap.load, heap.pid), (5.0, 2**20, 3, 77))
        self.assertEqual(list(heap.rows), sorted(heap.rows, key=lambda row: row.path))
        self.assertEqual(verdict["objects"], heap.objects)
        self.assertEqual(verdict["garbage"], [0, 0])

    def test_never_proven(self) -> None:
        """What grows for ever is said to grow, and is never proven: nobody knows what holds it."""
        gc.disable()
        self.addCleanup(gc.enable)
        kept: list[Any] = []
        history = b""
        for number in range(60):
            kept += [Grain() for _ in range(200)]
            _, verdict, history = look_here(errand(60.0 * number, history))
        self.assertEqual(verdict["leaks"], [])
        (entry,) = [each for each in verdict["growing"] if "Grain" in each["title"]]
        self.assertIn("type alone", entry["why_not"])
        self.assertEqual(entry["count"], len(kept))
        self.assertEqual(verdict["snapshots"], 60)

    def test_history(self) -> None:
        """A history that cannot be read, or that there is not, is a new one."""
        for encoded in (b"", b"damaged"):
            self.assertEqual(history_of(encoded).snapshots, 0)
        history = GrowthHistory()
        history.update(look_here(errand(0.0, b""))[0])
        self.assertEqual(history_of(history.encode()).snapshots, 1)

    def test_no_verdict(self) -> None:
        """What was lost has the form of a verdict that accuses nobody, with what was counted."""
        lost = no_verdict({"objects": 5})
        self.assertEqual(lost.keys(), look_here(errand(0.0, b""))[1].keys())
        self.assertEqual((lost["objects"], lost["leaks"], lost["growing"]), (5, [], []))
