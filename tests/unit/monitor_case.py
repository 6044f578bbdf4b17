"""A monitor on a clock, with snapshots that are made up."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from txresource.leaks.look import no_verdict
from txresource.leaks.monitor import LeakMonitor
from txresource.leaks.snapshots import Snapshot, SnapshotStatistics


def verdict(**lists: Any) -> dict[str, Any]:
    """What a child found, of titles and numbers of objects a minute: ``leaks={"a": 5.0}``."""
    made = {key: [entry(*each) for each in found.items()] for key, found in lists.items()}
    return {**no_verdict(), "snapshots": 1, **made}


def entry(title: str, per_minute: float) -> dict[str, Any]:
    """A finding."""
    trace = [{"holder": "module app", "edge": ".table", "to": "dict", "suspect": True}]
    return {
        "signature": f"{title:x<40}",
        "kind": "growth",
        "count": 1204,
        "bytes": 12040,
        "title": title,
        "trace": trace,
        "created_at": [],
        "measure": "count",
        "per_minute": per_minute,
    }


def snapshot(
    objects: int = 1, *, cpu: float = 0.0, at: float = 0.0, rss: int = 0, found: Any = None
) -> Snapshot:
    """A snapshot of so many objects, of 10 bytes each, and what was found in it."""
    return Snapshot(
        taken_at=at,
        pause=0.002,
        hooks=0.0,
        child_cpu=cpu,
        child_memory=None,
        rss=rss or 10**6 + objects,
        gc_objects=objects,
        objects=objects,
        size=10 * objects,
        verdict=verdict() if found is None else found,
        encoded=b"snapshot of %d" % objects,
    )


class Taker:
    """Hands out what it is told to, in the place of a ``SnapshotTaker``."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.asked = 0
        self.closed = 0

    def take(self) -> Deferred[Snapshot]:
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else snapshot()
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
