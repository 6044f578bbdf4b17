"""The live monitor: a snapshot now and then, a line in the log, and what it adds up to."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Collection, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txresource.arguments import check_reactor, check_seconds
from txresource.errors import SnapshotError
from txresource.heap.unseen import Unseen
from txresource.leaks.accounts import MemoryAccounts, account_of
from txresource.leaks.announcer import Announcer
from txresource.leaks.comparing import ComparingLook
from txresource.leaks.historyfiles import HistoryFolder
from txresource.leaks.load import LoadMeter
from txresource.leaks.look import no_verdict
from txresource.leaks.report import SCHEMA, with_states
from txresource.leaks.snapshots import Snapshot, SnapshotTaker
from txresource.leaks.wording import (
    grows_text,
    leak_text,
    proven_text,
    settled_text,
    snapshot_text,
)

__all__ = (
    "DEFAULT_INTERVAL",
    "DUTY",
    "LeakMonitor",
)

log = Logger()

#: Seconds between snapshots where nobody said otherwise.
DEFAULT_INTERVAL = 60.0
#: Where nobody said otherwise, the children use at most this share of one core.
DUTY = 0.02


class LeakMonitor(Unseen):
    """
    Watches the heap of this process.

    :param reactor: the reactor.
    :param interval: seconds between snapshots; 0: only when asked; ``None``: 60, stretched so
        that the children use no more than 2 % of a core.
    :param taker: what takes the snapshots; ``None``: one is made.
    :param seen: signatures that earlier reports had.
    :param history: path of a folder in which snapshots are kept; ``None``: they are not.
    """

    def __init__(
        self,
        reactor: Any,
        *,
        interval: float | None = None,
        taker: SnapshotTaker | None = None,
        seen: frozenset[str] = frozenset(),
        history: str | None = None,
    ) -> None:
        check_reactor(reactor, "write LeakMonitor(reactor)")
        check_seconds("interval", interval, "60, stretched where that is too often")
        self._reactor = reactor
        self._interval = interval
        self._load = LoadMeter(reactor)
        self._look = ComparingLook()
        self._taker = taker or SnapshotTaker(reactor, job=self._look, load=self._load.measure)
        self._seen = seen
        self._folder = None if history is None else HistoryFolder(history)
        self._accounts = MemoryAccounts()
        self._announcer = Announcer()
        self._verdict: Mapping[str, Any] = no_verdict()
        self._last: Snapshot | None = None
        self._stopped = False
        self._no_room: int | None = None
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
            self._load.restart()
            self._taker.reopen()
            gc.callbacks.append(self._on_collection)
            self._schedule()

    def summary(self) -> str:
        """Say in a few words what the snapshots so far have shown."""
        return f"{self._taker.statistics().taken} snapshots taken; {self._findings_text()}"

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

        :param table: log Pympler's table of what changed since the one before. Where a snapshot
            is being taken already, the next one has it.
        :returns: a Deferred of the snapshot, or of ``None`` where it was refused or failed, which
            has been logged. Cancelling it gives it up.
        """
        if table and self._last is not None:
            self._look.before = self._last.encoded
        return self._taker.take().addCallbacks(self._taken, self._lost)

    def _taken(self, snapshot: Snapshot) -> Snapshot:
        if snapshot is self._last:  # it was asked for more than once while it was taken
            return snapshot
        before, self._last = self._last, snapshot
        judged = bool(snapshot.verdict["snapshots"])
        found = "what grows is not known"
        if judged:
            leaks = {entry["signature"] for entry in self._verdict["leaks"]}
            self._verdict = snapshot.verdict
            self._accounts.update(account_of(snapshot, self._load.last))
            found = self._findings_text(leaks)
        number = self._taker.statistics().taken
        log.info("{line}", line=f"snapshot {number}: {snapshot_text(before, snapshot)}; {found}")
        if judged:
            self._say_news(snapshot.taken_at)
            self._say_table()
        self._keep(snapshot)
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

    # -- what is said

    def _findings_text(self, leaks_before: Collection[str] = ()) -> str:
        leaks, growing, settled = (self._verdict[key] for key in ("leaks", "growing", "settled"))
        over = [entry for entry in settled if entry["signature"] in leaks_before]
        return f"{grows_text([*leaks, *growing])}; {proven_text(len(leaks), over)}"

    def _say_news(self, now: float) -> None:
        for entry in self._announcer.news(self._verdict["leaks"], True, now):
            log.warn("{text}", text=leak_text(entry), finding=entry)
        for entry in self._announcer.news(self._verdict["settled"], False, now):
            log.info("{text}", text=settled_text(entry), finding=entry)
        memory = [{"signature": "memory"}]
        grows = self._accounts.verdict is not None
        if self._announcer.news(memory, grows, now):
            settled = "SETTLED memory  RSS no longer grows beyond what Python objects explain"
            log.warn("{text}", text=f"MEMORY {self._accounts.verdict}" if grows else settled)

    def _say_table(self) -> None:
        table = self._verdict.get("table")
        if table is not None:
            self._look.before = None
            log.info("{table}", table="\n" + table)

    def _keep(self, snapshot: Snapshot) -> None:
        if self._folder is None:
            return
        try:
            self._folder.keep(snapshot.encoded, snapshot.taken_at)
        except OSError as error:
            # A disk that is full stays so for a while: the same is not said each time.
            if error.errno != self._no_room:
                path, why = self._folder.path, error.strerror
                log.warn("the snapshot could not be kept in {path}: {why}", path=path, why=why)
            self._no_room = error.errno
        else:
            if self._no_room is not None:
                log.info("snapshots are kept in {path} again", path=self._folder.path)
            self._no_room = None

    # -- when

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
        memory = {**self._accounts.as_report(), "gc_seconds": round(self._gc_seconds, 3)}
        statistics = self._taker.statistics()
        return {
            "schema": SCHEMA,
            "tool": tool,
            "pid": os.getpid(),
            "started": self._began,
            "ended": None,
            "leaks": with_states(self._verdict["leaks"], self._seen),
            "growing": with_states(self._verdict["growing"], self._seen),
            "settled": with_states(self._verdict["settled"], self._seen),
            "pressure": [],
            "memory": memory,
            "snapshots": {
                "taken": statistics.taken,
                "worst_pause_ms": round(statistics.worst_pause * 1000, 3),
                "refused": statistics.refused,
                "failed": statistics.failed,
            },
            "shutdown": None,
        }
