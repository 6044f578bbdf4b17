"""The live monitor: when it looks, what it says, and that it never troubles the service."""

from __future__ import annotations

import gc
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from txresource.errors import SnapshotFailed, SnapshotRefused
from txresource.heap.census import Census, Row
from txresource.leaks.monitor import DEFAULT_INTERVAL, LeakMonitor
from txresource.leaks.snapshots import Snapshot, SnapshotStatistics


def snapshot(cpu: float = 0.0, **counts: int) -> Snapshot:
    """A snapshot of so many objects of each type, of 10 bytes each."""
    rows = tuple(Row(name.replace("_", "."), count, 10 * count) for name, count in counts.items())
    total = sum(counts.values())
    census = Census(rows, objects=total, size=10 * total, gc_objects=total, complete=True)
    return Snapshot(
        taken_at=0.0,
        pause=0.002,
        hooks=0.0,
        child_cpu=cpu,
        child_memory=None,
        rss=1000 + total,
        gc_objects=total,
        census=census,
    )


class Taker:
    """Hands out what it is told to, in the place of a ``SnapshotTaker``."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.asked = 0
        self.closed = 0

    def take(self) -> Deferred[Snapshot]:
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else snapshot(app_Echo=1)
        return fail(answer) if isinstance(answer, Exception) else succeed(answer)

    def reopen(self) -> None:
        self.closed = 0

    def close(self) -> Deferred[None]:
        self.closed += 1
        return succeed(None)

    def statistics(self) -> SnapshotStatistics:
        return SnapshotStatistics(taken=self.asked, refused=0, failed=0, worst_pause=0.002)


class MonitorTestCase(SynchronousTestCase):
    """A monitor on a clock, whose log is kept."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.taker = Taker()
        self.said: list[str] = []
        globalLogPublisher.addObserver(self.hear)
        self.addCleanup(globalLogPublisher.removeObserver, self.hear)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def hear(self, event: dict[str, Any]) -> None:
        if event.get("log_namespace") == "txresource.leaks.monitor":
            self.said.append(event["log_format"].format(**event))

    def monitor(self, interval: float | None = 1.0, **options: Any) -> LeakMonitor:
        monitor = LeakMonitor(self.clock, interval=interval, taker=self.taker, **options)  # type: ignore[arg-type]
        self.addCleanup(monitor.stop)
        return monitor


class IntervalTests(MonitorTestCase):
    """When it looks."""

    def test_every_interval(self) -> None:
        """One snapshot an interval, the first one interval after the start, none after the stop."""
        monitor = self.monitor(10.0)
        monitor.start()
        self.assertTrue(monitor.running)
        self.clock.pump([9.9, 0.1, 10, 10])
        self.assertEqual(self.taker.asked, 3)
        self.successResultOf(monitor.stop())
        self.assertEqual((self.taker.closed, monitor.running), (1, False))
        self.clock.advance(100)
        self.assertEqual(self.taker.asked, 3)

    def test_never(self) -> None:
        """An interval of 0 takes none but those that are asked for."""
        monitor = self.monitor(0)
        monitor.start()
        self.clock.advance(1e6)
        self.assertEqual(self.taker.asked, 0)
        self.successResultOf(monitor.snapshot())
        self.assertEqual(self.taker.asked, 1)

    def test_stretched(self) -> None:
        """Where nobody gave an interval, a costly child makes the next one wait, and says so."""
        self.taker.answers = [snapshot(cpu=6.0, app_Echo=1)]
        self.monitor(None).start()
        self.clock.advance(DEFAULT_INTERVAL)
        self.clock.advance(299)
        self.assertEqual(self.taker.asked, 1)
        self.clock.advance(1)
        self.assertEqual(self.taker.asked, 2)
        self.assertIn("the next snapshot in 300 s: the last one took 6.0 s of CPU", self.said)

    def test_obeyed(self) -> None:
        """An interval that was given is kept, whatever the children cost."""
        self.taker.answers = [snapshot(cpu=6.0, app_Echo=1)]
        self.monitor(1.0).start()
        self.clock.pump([1, 1])
        self.assertEqual(self.taker.asked, 2)

    def test_started_twice(self) -> None:
        """A second start changes nothing."""
        monitor = self.monitor(1.0)
        monitor.start()
        monitor.start()
        self.clock.advance(1)
        self.assertEqual(self.taker.asked, 1)

    def test_started_again(self) -> None:
        """After a stop it looks again, with a taker that is open again."""
        monitor = self.monitor()
        for _ in range(2):
            monitor.start()
            self.assertEqual(self.taker.closed, 0)
            self.clock.advance(1)
            self.successResultOf(monitor.stop())
        self.assertEqual(self.taker.asked, 2)


class SayingTests(MonitorTestCase):
    """What it says."""

    def test_one_line(self) -> None:
        """Objects, their change, memory, pause, and that nothing grows."""
        monitor = self.monitor()
        self.taker.answers = [snapshot(app_Echo=1000), snapshot(app_Echo=1200)]
        for _ in range(2):
            self.successResultOf(monitor.snapshot())
        self.assertEqual(
            self.said,
            [
                "snapshot 1: 1,000 objects, 0 MB, pause 2.0 ms; nothing grows; nothing proven",
                "snapshot 2: 1,200 objects (+200), 0 MB, pause 2.0 ms; nothing grows;"
                " nothing proven",
            ],
        )

    def test_growth(self) -> None:
        """Three growing types are named, the rest counted; the report lists all of them."""
        monitor = self.monitor(seen=frozenset())
        for n in range(6):
            counts = {f"app_T{i}": 100 * n * (i + 1) for i in range(5)}
            self.taker.answers.append(snapshot(**counts))
        for _ in range(6):
            self.successResultOf(monitor.snapshot())
        self.assertIn("growing: app.T4 +", self.said[-1])
        self.assertIn(" and 2 more; nothing proven", self.said[-1])
        growing = monitor.report("txresource 1")["growing"]
        self.assertEqual(len(growing), 5)
        self.assertEqual(growing[0]["state"], "new")
        again = self.monitor(seen=frozenset(entry["signature"] for entry in growing))
        again._growing = monitor._growing
        self.assertEqual(again.report("txresource 1")["growing"][0]["state"], "seen")

    def test_summary(self) -> None:
        """In a few words: how many snapshots there were, and what grows."""
        monitor = self.monitor(0)
        self.assertEqual(monitor.summary(), "0 snapshots taken; nothing grows; nothing proven")
        for number in range(6):
            self.taker.answers = [snapshot(app_Echo=100 * number)]
            self.successResultOf(monitor.snapshot())
        self.assertRegex(
            monitor.summary(),
            r"^6 snapshots taken; growing: app\.Echo \+[\d,]+ a minute to 500; nothing proven$",
        )

    def test_table(self) -> None:
        """On request, Pympler's table of what changed since the one before."""
        monitor = self.monitor()
        self.taker.answers = [snapshot(app_Echo=1), snapshot(app_Echo=5)]
        self.successResultOf(monitor.snapshot(table=True))
        self.assertEqual(len(self.said), 1)
        self.successResultOf(monitor.snapshot(table=True))
        self.assertIn("app.Echo |", self.said[-1])

    def test_asked_while_it_is_taken(self) -> None:
        """One snapshot that several asked for is told once, with its table, and counts once."""
        monitor = self.monitor()
        for count in (1, 1, 100, 200, 300):
            self.taker.answers = [snapshot(app_Echo=count)] * 2
            self.successResultOf(monitor.snapshot())
            self.successResultOf(monitor.snapshot(table=True))
        lines = [line for line in self.said if line.startswith("snapshot ")]
        self.assertEqual(len(lines), 5)
        self.assertIn("growing: app.Echo", lines[-1])

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
        self.taker.answers = [snapshot(app_Echo=1), SnapshotRefused("no")]
        for _ in range(2):
            self.successResultOf(monitor.snapshot())
        self.assertEqual(len(heard), 2)


class ReportTests(MonitorTestCase):
    """What it adds up to."""

    def test_memory(self) -> None:
        """Sizes now, and what was gained since the first snapshot."""
        monitor = self.monitor()
        self.assertIsNone(monitor.report("txresource 1")["memory"]["rss"])
        self.taker.answers = [snapshot(app_Echo=100), snapshot(app_Echo=150)]
        for _ in range(2):
            self.successResultOf(monitor.snapshot())
        memory = monitor.report("txresource 1")["memory"]
        self.assertEqual(memory.pop("gc_seconds"), 0.0)
        self.assertEqual(
            memory,
            {"rss": 1150, "rss_growth": 50, "python_bytes": 1500, "python_growth": 500},
        )

    def test_collections(self) -> None:
        """Time in the garbage collector is counted while it watches, and not after."""
        monitor = self.monitor(0)
        monitor.start()
        rings: list[Any] = [[] for _ in range(100_000)]
        for ring in rings:
            ring.append(ring)
        gc.collect()
        seconds = monitor.report("txresource 1")["memory"]["gc_seconds"]
        self.assertGreater(seconds, 0.0)
        monitor.stop()
        gc.collect()
        self.assertEqual(monitor.report("txresource 1")["memory"]["gc_seconds"], seconds)

    def test_keys(self) -> None:
        """The report has the keys that its readers know."""
        report = self.monitor().report("txresource 1")
        known = {"schema", "tool", "pid", "started", "ended", "leaks", "growing", "settled"}
        known |= {"pressure", "memory", "snapshots", "shutdown"}
        self.assertEqual(set(report), known)


class LifetimeTests(MonitorTestCase):
    """Its own lifetime."""

    def test_repr(self) -> None:
        """It says whether it watches."""
        monitor = self.monitor()
        self.assertEqual(repr(monitor), "<LeakMonitor stopped, 0 snapshots>")
        monitor.start()
        self.assertEqual(repr(monitor), "<LeakMonitor watching, 0 snapshots>")
