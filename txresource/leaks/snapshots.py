"""Snapshots of the heap of a running program, one at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorFDSet
from twisted.logger import Logger
from twisted.python.failure import Failure

from txresource.arguments import check_reactor
from txresource.errors import SnapshotError, SnapshotFailed, SnapshotRefused
from txresource.heap.census import Census
from txresource.heap.child import Send
from txresource.heap.fork import Child, fork_child
from txresource.heap.memory import refusal, resident_size
from txresource.heap.platforms import Way, way_here
from txresource.heap.unseen import Unseen
from txresource.leaks.childreader import ChildReader, how_it_ended
from txresource.leaks.frozen import FrozenHeap, decode_heap, encode_heap
from txresource.leaks.look import Errand, look, look_here, no_verdict

__all__ = ("Look", "Snapshot", "SnapshotStatistics", "SnapshotTaker", "take_snapshot")

_LONG_HOOKS = 0.01
_ORPHAN_GRACE = 10.0
#: Tells two processes of one number apart, as those of a container that is started again.
_STARTED = time.time()

log = Logger()

#: What a child does: it is told what to know, sends stages, and has the parent's frames.
Look = Callable[[Errand, Send, Sequence[FrameType]], None]


@dataclass(frozen=True, slots=True)
class Snapshot(Unseen):
    """What was found in the heap at one moment.

    :param taken_at: seconds since the epoch.
    :param pause: seconds that the process stood still.
    :param hooks: seconds of the pause that fork hooks of others took.
    :param child_cpu: seconds of CPU that the child used; 0 without a child.
    :param child_memory: bytes that the child took for itself, or None where
        that is not known.
    :param rss: bytes of memory that the process held.
    :param gc_objects: how many objects the collector tracked.
    :param objects: how many objects were found.
    :param size: their bytes, an estimate; 0 without a child.
    :param verdict: what grows, and what is proven, as plain data: see
        :func:`~txresource.leaks.look.verdict_of`. Nothing is in it where the
        child was lost before it had judged, which has been logged.
    :param encoded: all that was found, as a history file has it.
    """

    taken_at: float
    pause: float
    hooks: float
    child_cpu: float
    child_memory: int | None
    rss: int
    gc_objects: int
    objects: int
    size: int
    verdict: Mapping[str, Any]
    encoded: bytes

    @property
    def heap(self) -> FrozenHeap:
        """All that was found. It is decoded each time: a tenth of a second for a large program."""
        return decode_heap(self.encoded)

    @property
    def census(self) -> Census:
        """What was found, by type; decoded each time, as the heap is."""
        return self.heap.census


@dataclass(frozen=True, slots=True)
class SnapshotStatistics:
    """What a taker has done so far; cancelled ones and ones cut off by a close are not counted.

    :param taken: snapshots that were had.
    :param refused: snapshots that were not begun.
    :param failed: snapshots that were begun and lost.
    :param worst_pause: the longest pause in seconds.
    """

    taken: int
    refused: int
    failed: int
    worst_pause: float


@dataclass(frozen=True, slots=True)
class _Begun:
    """What is known of a snapshot when its child has been forked.

    The pause is all that the reactor waited for in the turn of the fork.
    """

    taken_at: float
    rss: int
    child: Child
    pause: float

    def complete(self, stages: Mapping[str, Any]) -> Snapshot:
        end = stages.get("end", {})
        verdict = stages.get("verdict") or no_verdict(stages.get("numbers", {}))
        return Snapshot(
            taken_at=self.taken_at,
            pause=self.pause,
            hooks=self.child.hooks,
            child_cpu=float(end.get("cpu", 0.0)),
            child_memory=end.get("memory"),
            rss=self.rss,
            gc_objects=verdict["gc_objects"],
            objects=verdict["objects"],
            size=verdict["size"],
            verdict=verdict,
            encoded=stages["snapshot"],
        )


class _History(Unseen):
    """What the snapshots so far have shown, for the next child; nobody here looks into it."""

    __slots__ = ("encoded",)

    def __init__(self) -> None:
        self.encoded = b""


class SnapshotTaker:
    """Takes snapshots of the heap of this process, one at a time.

    :param reactor: the reactor that reads the child's pipe.
    :param deadline: seconds that a child has before it is killed.
    :param job: what the child runs; its stages must include ``snapshot``.
    :param way: how to look at the heap; None: as this interpreter can.
    :param keep: descriptors that stay open in the child.
    :param root: where the ``proc`` and ``sys`` file systems are found.
    :param load: says how many connections are open and at work; None: nobody counts them.
    """

    def __init__(
        self,
        reactor: Any,
        *,
        deadline: float = 300.0,
        job: Look = look,
        way: Way | None = None,
        keep: tuple[int, ...] = (),
        root: str = "/",
        load: Callable[[], int | None] | None = None,
    ) -> None:
        check_reactor(reactor, "write take_snapshot(reactor)")
        self._reactor = reactor
        self._deadline = deadline
        self._job = job
        self._way = way_here() if way is None else way
        self._keep = keep
        self._root = root
        self._load = load
        self._history = _History()
        self._closed = False
        self.taken = self.refused = self.failed = 0
        self.worst_pause = 0.0
        self._fork_call: Any = None
        self._current: ChildReader | None = None
        self._leaving: list[ChildReader] = []
        self._waiting: list[Deferred[Snapshot]] = []
        self._closing: list[Deferred[None]] = []

    def __repr__(self) -> str:
        state = "closed" if self._closed else "looking" if self._looking() else "idle"
        return f"<SnapshotTaker {state}, {self.taken} taken>"

    def statistics(self) -> SnapshotStatistics:
        """What this taker has done so far."""
        return SnapshotStatistics(self.taken, self.refused, self.failed, self.worst_pause)

    def take(self) -> Deferred[Snapshot]:
        """Take a snapshot; while one is being taken, wait for that one.

        Never raises. Everyone who waits gets the same snapshot. Cancelling
        takes back one's own wish; when nobody waits any more, the child is
        killed.

        :returns: a Deferred of the snapshot. It fails with
            :exc:`~txresource.errors.SnapshotRefused` where none is begun, and
            with :exc:`~txresource.errors.SnapshotFailed` where one is lost.
        """
        if not self._looking():
            try:
                snapshot = self._begin()
            except SnapshotError as error:
                self._count(error)
                return fail(error)
            if snapshot is not None:
                return succeed(snapshot)
        waiter: Deferred[Snapshot] = Deferred(self._withdraw)
        self._waiting.append(waiter)
        return waiter

    def reopen(self) -> None:
        """Take snapshots again after a close."""
        self._closed = False

    def close(self) -> Deferred[None]:
        """Take no more snapshots; kill the child of the one being taken.

        Whoever waits for it gets :exc:`~txresource.errors.SnapshotFailed`, at
        once.

        :returns: a Deferred that fires when every child is reaped. It never
            fails; cancelling it changes nothing about the close.
        """
        self._closed = True
        self._give_up("the snapshot was given up because its taker was closed")
        self._deliver(SnapshotFailed("the snapshot was given up because its taker was closed"))
        if not self._leaving:
            return succeed(None)
        done: Deferred[None] = Deferred(lambda d: self._closing.remove(d))
        self._closing.append(done)
        return done

    def _looking(self) -> bool:
        return self._current is not None or self._fork_call is not None

    def _begin(self) -> Snapshot | None:
        reason = self._why_not()
        if reason is not None:
            raise SnapshotRefused(reason)
        if not self._way.forks:
            return self._look_here()
        rss = resident_size(self._root)
        reason = refusal(rss, root=self._root)
        if reason is not None:
            raise SnapshotRefused(reason)
        # In a turn of its own: what was read here is not added to the pause of the fork.
        self._fork_call = self._reactor.callLater(0, self._fork, self._errand(rss))
        return None

    def _fork(self, errand: Errand) -> None:
        self._fork_call = None
        start = time.perf_counter()
        job, lifetime = partial(self._job, errand), self._deadline + _ORPHAN_GRACE
        try:
            child = fork_child(job, keep=self._keep, lifetime=lifetime)
        except (OSError, RuntimeError) as error:
            failed = SnapshotFailed(f"no child could be forked: {error}")
            self._count(failed)
            self._deliver(failed)
        else:
            self._watch(_Begun(errand.taken_at, errand.rss, child, time.perf_counter() - start))

    def _errand(self, rss: int) -> Errand:
        load = None if self._load is None else self._load()
        encoded = self._history.encoded
        return Errand(self._reactor, time.time(), rss, load, os.getpid(), encoded, _STARTED)

    def _why_not(self) -> str | None:
        if self._closed:
            return "the snapshot taker is closed"
        if self._way.forks and not IReactorFDSet.providedBy(self._reactor):
            return "snapshots of the heap need a reactor that can read a pipe"
        return self._way.refused

    def _look_here(self) -> Snapshot:
        start, rss = time.perf_counter(), resident_size(self._root)
        errand = self._errand(rss)
        heap, verdict, self._history.encoded = look_here(errand)
        encoded = encode_heap(heap)
        snapshot = Snapshot(
            taken_at=errand.taken_at,
            pause=time.perf_counter() - start,
            hooks=0.0,
            child_cpu=0.0,
            child_memory=None,
            rss=rss,
            gc_objects=heap.gc_objects,
            objects=heap.objects,
            size=heap.size,
            verdict=verdict,
            encoded=encoded,
        )
        self._count(snapshot)
        return snapshot

    def _watch(self, begun: _Begun) -> None:
        hooks, pause = begun.child.hooks, begun.pause
        self.worst_pause = max(self.worst_pause, pause)
        if hooks > max(_LONG_HOOKS, pause / 2):
            log.warn(
                "Of {pause:.3f} s that the snapshot stopped the process, {hooks:.3f} s went to"
                " functions that others gave to os.register_at_fork.",
                pause=pause,
                hooks=hooks,
            )
        finished = partial(self._finished, begun)
        self._current = ChildReader(self._reactor, begun.child, self._deadline, finished)

    def _finished(self, begun: _Begun, reader: ChildReader) -> None:
        if reader is not self._current:
            self._leaving.remove(reader)
            self._report_closed()
            return
        self._current = None
        result = _outcome(begun, reader)
        self._history.encoded = reader.stages.get("history", self._history.encoded)
        self._count(result)
        self._deliver(result)

    def _count(self, result: Snapshot | SnapshotError) -> None:
        if isinstance(result, Snapshot):
            self.taken += 1
            self.worst_pause = max(self.worst_pause, result.pause)
        elif isinstance(result, SnapshotRefused):
            self.refused += 1
        else:
            self.failed += 1

    def _deliver(self, result: Snapshot | SnapshotError) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if isinstance(result, Snapshot):
                waiter.callback(result)
            else:
                waiter.errback(Failure(result))

    def _withdraw(self, waiter: Deferred[Snapshot]) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        if not self._waiting:
            self._give_up("nobody waited for the snapshot any more")

    def _give_up(self, trouble: str) -> None:
        call, self._fork_call = self._fork_call, None
        if call is not None:
            call.cancel()
        reader, self._current = self._current, None
        if reader is not None:
            self._leaving.append(reader)
            reader.kill(trouble)

    def _report_closed(self) -> None:
        if not self._leaving:
            closing, self._closing = self._closing, []
            for done in closing:
                done.callback(None)


def _outcome(begun: _Begun, reader: ChildReader) -> Snapshot | SnapshotError:
    """What became of a snapshot whose child has ended.

    :param begun: what was known of it before.
    :param reader: holds what the child sent, and what went wrong.
    """
    stages = reader.stages
    if not isinstance(stages.get("snapshot"), bytes):
        return SnapshotFailed(reader.trouble or how_it_ended(None, stages))
    if "history" not in stages:
        trouble = reader.trouble or how_it_ended(reader.ended, stages, "its verdict")
        log.warn("{trouble}: nothing is known of what grows", trouble=trouble)
    return begun.complete(stages)


def take_snapshot(reactor: Any) -> Deferred[Snapshot]:
    """Take one snapshot of the heap of this process.

    :param reactor: the reactor that reads the child's pipe.
    :returns: as of :meth:`SnapshotTaker.take`; cancelling kills the child.
    """
    return SnapshotTaker(reactor).take()
