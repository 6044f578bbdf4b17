"""The live monitor: a snapshot now and then, a line in the log, and what it adds up to."""

from __future__ import annotations

import gc
import os
import time
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txresource.arguments import check_reactor, check_seconds
from txresource.errors import SnapshotError
from txresource.heap.tables import diff_table
from txresource.leaks.growth import GrowingType, GrowthTracker
from txresource.leaks.report import SCHEMA, growing_entry
from txresource.leaks.snapshots import Snapshot, SnapshotTaker

__all__ = (
    "DEFAULT_INTERVAL",
    "DUTY",
    "LeakMonitor",
    "sizes_of",
)

log = Logger()

#: Seconds between snapshots where nobody said otherwise.
DEFAULT_INTERVAL = 60.0
#: Where nobody said otherwise, the children use at most this share of one core.
DUTY = 0.02


class LeakMonitor:
    """
    Watches the heap of this process.

    :param reactor: the reactor.
    :param interval: seconds between snapshots; 0: only when asked; ``None``: 60, stretched so
        that the children use no more than 2 % of a core.
    :param taker: what takes the snapshots; ``None``: one is made.
    :param seen: signatures that earlier reports had.
    """

    def __init__(
        self,
        reactor: Any,
        *,
        interval: float | None = None,
        taker: SnapshotTaker | None = None,
        seen: frozenset[str] = frozenset(),
    ) -> None:
        check_reactor(reactor, "write LeakMonitor(reactor)")
        check_seconds("interval", interval, "60, stretched where that is too often")
        self._reactor = reactor
        self._interval = interval
        self._taker = taker or SnapshotTaker(reactor)
        self._seen = seen
        self._tracker = GrowthTracker()
        self._growing: tuple[GrowingType, ...] = ()
        self._first_sizes: tuple[int, int] | None = None
        self._last: Snapshot | None = None
        self._table_wanted = self._stopped = False
        self._began = time.time()
        self._next: Any = None
        self._gc_began = 0.0
        self._gc_seconds = 0.0
        self.on_snapshot: Any = None

    @property
    def running(self) -> bool:
        """Whether it watches."""
        return self._on_collection in gc.callbacks

    def __repr__(self) -> str:
        state = "watching" if self.running else "stopped"
        return f"<LeakMonitor {state}, {self._taker.statistics().taken} snapshots>"

    def start(self) -> None:
        """Begin to watch; the first snapshot is taken one interval from now."""
        if not self.running:
            self._began = time.time()
            self._stopped = False
            self._taker.reopen()
            gc.callbacks.append(self._on_collection)
            self._schedule()

    def summary(self) -> str:
        """Say in a few words what the snapshots so far have shown."""
        taken = self._taker.statistics().taken
        grows = self._describe_growth(0.0 if self._last is None else self._last.taken_at)
        return f"{taken} snapshots taken; {grows}; nothing proven"

    def stop(self) -> Deferred[None]:
        """
        Watch no longer; a snapshot under way is given up.

        :returns: a Deferred that fires with ``None`` when no child is left.
        """
        self._stopped = True
        if self.running:
            gc.callbacks.remove(self._on_collection)
        if self._next is not None:
            self._next.cancel()
            self._next = None
        return self._taker.close()

    def snapshot(self, table: bool = False) -> Deferred[Snapshot | None]:
        """
        Take a snapshot now.

        :param table: log Pympler's table of what changed since the one before.
        :returns: a Deferred of the snapshot, or of ``None`` where it was refused or failed, which
            has been logged. Cancelling it gives it up.
        """
        self._table_wanted |= table
        return self._taker.take().addCallbacks(self._taken, self._lost)

    def _taken(self, snapshot: Snapshot) -> Snapshot:
        if snapshot is self._last:  # it was asked for more than once while it was taken
            return snapshot
        before, self._last = self._last, snapshot
        table, self._table_wanted = self._table_wanted, False
        self._first_sizes = self._first_sizes or sizes_of(snapshot)
        self._growing = self._tracker.update(snapshot.census, snapshot.taken_at)
        log.info(
            "snapshot {number}: {objects:,} objects{change}, {rss:.0f} MB,"
            " pause {pause:.1f} ms; {growing}; nothing proven",
            number=self._taker.statistics().taken,
            objects=snapshot.census.objects,
            change=""
            if before is None
            else f" ({snapshot.census.objects - before.census.objects:+,})",
            rss=snapshot.rss / 1e6,
            pause=snapshot.pause * 1000,
            growing=self._describe_growth(snapshot.taken_at),
        )
        if table and before is not None:
            log.info("{table}", table="\n" + diff_table(before.census, snapshot.census))
        return self._told(snapshot)

    def _lost(self, failure: Failure) -> None:
        failure.trap(SnapshotError)
        if self._stopped:  # and so it was given up
            return
        log.warn("no snapshot: {reason}", reason=failure.getErrorMessage())
        self._told(None)

    def _told(self, snapshot: Any) -> Any:
        if self.on_snapshot is not None:
            self.on_snapshot()
        return snapshot

    def _describe_growth(self, now: float) -> str:
        if not self._growing:
            return "nothing grows"
        shown = ", ".join(
            f"{grown.type_name} +{grown.per_minute(now):,.0f} a minute to {grown.count:,}"
            for grown in self._growing[:3]
        )
        more = len(self._growing) - 3
        return f"growing: {shown}" + (f" and {more} more" if more > 0 else "")

    def _schedule(self, used: float = 0.0) -> None:
        """Plan the next snapshot; ``used`` is seconds of CPU that the last one took."""
        interval = self._interval
        if interval is None:
            interval = max(DEFAULT_INTERVAL, used / DUTY)
            if interval > DEFAULT_INTERVAL:
                log.info(
                    "the next snapshot in {interval:.0f} s: the last one took {used:.1f} s of CPU",
                    interval=interval,
                    used=used,
                )
        if interval > 0 and self.running:
            self._next = self._reactor.callLater(interval, self._due)

    def _due(self) -> None:
        self._next = None
        taken = self.snapshot()
        taken.addErrback(lambda failure: log.failure("a snapshot broke", failure))
        taken.addCallback(lambda had: self._schedule(0.0 if had is None else had.child_cpu))

    def _on_collection(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._gc_began = time.perf_counter()
        else:
            self._gc_seconds += time.perf_counter() - self._gc_began

    def report(self, tool: str) -> dict[str, Any]:
        """
        All that is known now, in the form of the report file.

        :param tool: name and version of the program that reports.
        """
        statistics = self._taker.statistics()
        now = time.time() if self._last is None else self._last.taken_at
        return {
            "schema": SCHEMA,
            "tool": tool,
            "pid": os.getpid(),
            "started": self._began,
            "ended": None,
            "leaks": [],
            "growing": [growing_entry(grown, now, self._seen) for grown in self._growing],
            "settled": [],
            "pressure": [],
            "memory": self._memory(),
            "snapshots": {
                "taken": statistics.taken,
                "worst_pause_ms": round(statistics.worst_pause * 1000, 3),
                "refused": statistics.refused,
                "failed": statistics.failed,
            },
            "shutdown": None,
        }

    def _memory(self) -> dict[str, Any]:
        memory: dict[str, Any] = dict.fromkeys(
            ("rss", "rss_growth", "python_bytes", "python_growth")
        )
        if self._last is not None and self._first_sizes is not None:
            rss, python = sizes_of(self._last)
            first_rss, first_python = self._first_sizes
            memory.update(
                rss=rss,
                rss_growth=rss - first_rss,
                python_bytes=python,
                python_growth=python - first_python,
            )
        memory["gc_seconds"] = round(self._gc_seconds, 3)
        return memory


def sizes_of(snapshot: Snapshot) -> tuple[int, int]:
    """Bytes of the process, and of the Python objects in it."""
    return snapshot.rss, snapshot.census.size
