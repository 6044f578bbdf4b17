"""What the live monitor says, and that whatever goes wrong costs a line."""

from __future__ import annotations

from typing import Any

from tests.unit.monitor_case import MonitorTestCase, snapshot, verdict
from txresource.errors import SnapshotFailed, SnapshotRefused
from txresource.leaks.look import no_verdict
from txresource.leaks.monitor import LeakMonitor


class SayingTests(MonitorTestCase):
    """What it says."""

    def take(self, monitor: LeakMonitor, *snapshots: Any) -> list[str]:
        """Have it take these snapshots; what it says meanwhile."""
        self.said.clear()
        for each in snapshots:
            self.taker.answers = [each]
            self.successResultOf(monitor.snapshot())
        return self.said

    def test_one_line(self) -> None:
        """Objects, their change, memory, pause, and that nothing grows."""
        self.assertEqual(
            self.take(self.monitor(), snapshot(1000), snapshot(1200)),
            [
                "snapshot 1: 1,000 objects, 1 MB, pause 2.0 ms; nothing grows; nothing proven",
                "snapshot 2: 1,200 objects (+200), 1 MB, pause 2.0 ms; nothing grows;"
                " nothing proven",
            ],
        )

    def test_growth(self) -> None:
        """What grows is named with its rate, what is proven first."""
        found = verdict(leaks={"a": 50.0, "b": 5.0}, growing={"c": 0.5})
        (line, *_) = self.take(self.monitor(), snapshot(found=found))
        self.assertEqual(
            line,
            "snapshot 1: 1 objects, 1 MB, pause 2.0 ms; growing: a +50 a minute to 1,204,"
            " b +5 a minute to 1,204, c +30 an hour to 1,204; 2 leaks proven",
        )

    def test_leak(self) -> None:
        """A leak is a block in the log when it is proven, once, and that it settles in the line."""
        monitor = self.monitor()
        leaks, settled = verdict(leaks={"a": 50.0}), verdict(settled={"a": 0.0})
        self.assertEqual(
            self.take(monitor, snapshot(1, found=leaks), snapshot(2, found=leaks))[1:2],
            [
                "LEAK axxxxx  growth  +50 a minute, 1,204 now, 12 kB: a\n"
                "  module app  .table → dict  ~~~~~  1,204 of them"
            ],
        )
        self.assertEqual(len(self.said), 3)
        said = self.take(monitor, snapshot(3, found=settled), snapshot(4, found=settled))
        self.assertEqual(
            [line.partition("; ")[2] for line in said],
            ["nothing grows; nothing proven; settled: a", "nothing grows; nothing proven"],
        )

    def test_hour(self) -> None:
        """Of a leak that comes and goes something is said once an hour, beside the lines."""
        leaks, settled = verdict(leaks={"a": 50.0}), verdict(settled={"a": 0.0})
        said = self.take(
            self.monitor(),
            *[
                snapshot(minute, at=1e9 + 60 * minute, found=settled if minute % 2 else leaks)
                for minute in range(130)
            ],
        )
        self.assertEqual(
            [line.partition(" ")[0] for line in said if not line.startswith("snapshot")],
            ["LEAK", "SETTLED", "LEAK"],
        )

    def test_memory(self) -> None:
        """Memory that grows without Python objects is a line of its own, once, and so is its end."""
        sizes = [50 + 4 * min(minute, 50) for minute in range(200)]
        said = self.take(
            self.monitor(),
            *[snapshot(n, at=1e9 + 60 * n, rss=10**6 * mb) for n, mb in enumerate(sizes, 1)],
        )
        said = [line for line in said if not line.startswith("snapshot")]
        self.assertEqual(len(said), 2, said)
        self.assertRegex(said[0], "^MEMORY RSS grew by .*: look for native memory")
        self.assertRegex(said[1], "^SETTLED memory  RSS no longer grows")

    def test_not_judged(self) -> None:
        """A child that was lost before it had judged leaves what was known."""
        monitor = self.monitor()
        said = self.take(
            monitor,
            snapshot(found=verdict(leaks={"a": 5.0})),
            snapshot(0, found=no_verdict()),
            snapshot(7),
        )
        self.assertEqual(
            said[2:],
            [
                "snapshot 2: 1 MB, pause 2.0 ms; what grows is not known",
                "snapshot 3: 7 objects, 1 MB, pause 2.0 ms; nothing grows; nothing proven",
            ],
        )

    def test_summary(self) -> None:
        """In a few words: how many snapshots there were, and what grows."""
        monitor = self.monitor(0)
        self.assertEqual(monitor.summary(), "0 snapshots taken; nothing grows; nothing proven")
        self.take(monitor, snapshot(), snapshot(2, found=verdict(leaks={"a": 50.0})))
        self.assertEqual(
            monitor.summary(),
            "2 snapshots taken; growing: a +50 a minute to 1,204; 1 leak proven",
        )

    def test_table(self) -> None:
        """A table that a child was asked for is logged once, as it made it."""
        monitor = self.monitor()
        self.successResultOf(monitor.snapshot(table=True))
        self.assertIsNone(monitor._look.before)
        self.successResultOf(monitor.snapshot(table=True))
        self.assertEqual(monitor._look.before, b"snapshot of 1")
        said = self.take(monitor, snapshot(2, found={**verdict(), "table": "a | 1"}), snapshot(3))
        self.assertEqual([line for line in said if "|" in line], ["\na | 1"])
        self.assertIsNone(monitor._look.before)

    def test_asked_while_it_is_taken(self) -> None:
        """One snapshot that several asked for is told once, and counts once."""
        monitor = self.monitor()
        self.taker.answers = [snapshot(found=verdict(leaks={"a": 5.0}))] * 2
        for table in (False, True):
            self.successResultOf(monitor.snapshot(table=table))
        self.assertEqual(len(self.said), 2)

    def test_refused_and_failed(self) -> None:
        """Each is a line in the log, a result of ``None``, and the monitor goes on."""
        monitor = self.monitor()
        self.taker.answers = [SnapshotRefused("no memory"), SnapshotFailed("the child hung")]
        monitor.start()
        self.clock.pump([1, 1, 1])
        self.assertEqual(self.said[:2], ["no snapshot: no memory", "no snapshot: the child hung"])
        self.assertEqual(len(self.said), 3)

    def test_stopped(self) -> None:
        """A snapshot that is given up because the monitor stops is no news."""
        monitor = self.monitor()
        self.taker.answers = [SnapshotFailed("given up")]
        monitor.stop()
        self.assertIsNone(self.successResultOf(monitor.snapshot()))
        self.assertEqual(self.said, [])

    def test_broken(self) -> None:
        """A mistake of ours is logged, and the monitor goes on."""
        monitor = self.monitor()
        self.taker.answers = [ZeroDivisionError()]
        monitor.start()
        self.clock.pump([1, 1])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.taker.asked, 2)

    def test_told(self) -> None:
        """Whoever wants to know hears of each snapshot, taken or not."""
        monitor, heard = self.monitor(), []
        monitor.on_snapshot = lambda: heard.append(1)
        self.taker.answers = [snapshot(), SnapshotRefused("no")]
        for _ in range(2):
            self.successResultOf(monitor.snapshot())
        self.assertEqual(len(heard), 2)
