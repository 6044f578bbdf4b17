"""The live monitor: when it looks, what it adds up to, and that it never troubles the service."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

from tests.unit.collector import hide_what_is_older
from tests.unit.monitor_case import MonitorTestCase, snapshot, verdict
from txresource.leaks.historyfiles import history_files
from txresource.leaks.monitor import DEFAULT_INTERVAL


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
        self.taker.answers = [snapshot(cpu=6.0)]
        self.monitor(None).start()
        self.clock.advance(DEFAULT_INTERVAL)
        self.clock.advance(299)
        self.assertEqual(self.taker.asked, 1)
        self.clock.advance(1)
        self.assertEqual(self.taker.asked, 2)
        self.assertIn("the next snapshot in 300 s: the last one took 6.0 s of CPU", self.said)

    def test_obeyed(self) -> None:
        """An interval that was given is kept, whatever the children cost."""
        self.taker.answers = [snapshot(cpu=6.0)]
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


class ReportTests(MonitorTestCase):
    """What it adds up to."""

    def test_memory(self) -> None:
        """Sizes now, what was gained since the first snapshot, and what holds native memory."""
        monitor = self.monitor()
        keys = ("rss", "rss_growth", "python_bytes", "python_growth", "verdict")
        nothing = {**dict.fromkeys(keys), "native": [], "gc_seconds": 0.0}
        self.assertEqual(monitor.report("txresource 1")["memory"], nothing)
        native = {**verdict(), "native": [["zlib.Compress", 2, 500]]}
        self.taker.answers = [snapshot(100), snapshot(150, found=native)]
        for _ in range(2):
            self.successResultOf(monitor.snapshot())
        self.assertEqual(
            monitor.report("txresource 1")["memory"],
            {
                "rss": 1000150,
                "rss_growth": 50,
                "python_bytes": 1500,
                "python_growth": 500,
                "verdict": None,
                "native": [{"type": "zlib.Compress", "count": 2, "bytes": 500}],
                "gc_seconds": 0.0,
            },
        )

    def test_states(self) -> None:
        """What an earlier report had is seen, all else new."""
        monitor = self.monitor(seen=frozenset([f"{'a':x<40}"]))
        self.taker.answers = [
            snapshot(found=verdict(leaks={"a": 1.0, "b": 1.0}, growing={"c": 1.0}))
        ]
        self.successResultOf(monitor.snapshot())
        report = monitor.report("txresource 1")
        states = {
            each["title"]: each["state"]
            for section in ("leaks", "growing", "settled")
            for each in report[section]
        }
        self.assertEqual(states, {"a": "seen", "b": "new", "c": "new"})

    def test_collections(self) -> None:
        """Time in the garbage collector is counted while it watches, and not after."""
        hide_what_is_older(self)
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


class HistoryTests(MonitorTestCase):
    """Snapshots that are kept."""

    def test_kept(self) -> None:
        """Each snapshot is a file of its bytes."""
        folder = self.mktemp()
        os.makedirs(folder)
        monitor = self.monitor(history=folder)
        for number in range(3):
            self.taker.answers = [snapshot(number)]
            self.successResultOf(monitor.snapshot())
        kept = [Path(path).read_bytes() for path in history_files(folder)]
        self.assertEqual(kept, [b"snapshot of %d" % number for number in range(3)])

    def test_cannot(self) -> None:
        """A folder that is gone costs a line in the log, once, until it is there again."""
        folder = self.mktemp()
        monitor = self.monitor(history=folder)
        for _ in range(3):
            self.taker.answers = [snapshot()]
            self.successResultOf(monitor.snapshot())
        os.makedirs(folder)
        for _ in range(2):
            self.taker.answers = [snapshot()]
            self.successResultOf(monitor.snapshot())
        self.assertEqual(
            [line for line in self.said if not line.startswith("snapshot ")],
            [
                f"the snapshot could not be kept in {folder}: No such file or directory",
                f"snapshots are kept in {folder} again",
            ],
        )
        self.assertEqual(len(history_files(folder)), 2)


class LifetimeTests(MonitorTestCase):
    """Its own lifetime."""

    def test_repr(self) -> None:
        """It says whether it watches."""
        monitor = self.monitor()
        self.assertEqual(repr(monitor), "<LeakMonitor stopped, 0 snapshots>")
        monitor.start()
        self.assertEqual(repr(monitor), "<LeakMonitor watching, 0 snapshots>")
