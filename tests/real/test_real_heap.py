"""Snapshots on a real reactor, with real children."""

from __future__ import annotations

import fcntl
import gc
import os
import resource
import signal
import socket
import sys
import tempfile
import warnings
import weakref
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.internet.utils import getProcessOutputAndValue
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from txresource.errors import SnapshotFailed
from txresource.heap.child import CATCHABLE, Send
from txresource.heap.fork import fork_child
from txresource.leaks.snapshots import Snapshot, SnapshotTaker, census_job, take_snapshot


class Gate:
    """Holds a child until the test lets it go on."""

    def __init__(self) -> None:
        self.fd, self.opening = os.pipe()

    def job(self, send: Send) -> None:
        """Say that the child is there, wait at the gate, then take the census."""
        send("there", True)
        self.wait()
        census_job(send)

    def wait(self) -> None:
        """Block until the gate opens."""
        os.read(self.fd, 1)

    def open(self) -> None:
        """Let one child through."""
        os.write(self.opening, b"o")

    def close(self) -> None:
        """Let the descriptors go."""
        os.close(self.fd)
        os.close(self.opening)


class Planted:
    """Something to be counted."""


class Line(Protocol):
    """One end of a connection that fires when it is lost."""

    def __init__(self) -> None:
        self.lost: Deferred[Failure] = Deferred()

    def connectionLost(self, reason: Failure = None) -> None:  # type: ignore[assignment]
        """The end, with its reason."""
        self.lost.callback(reason)


def bare_fork(job: Callable[[], Any]) -> int:
    """Fork as one would without any of our precautions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pid = os.fork()
    if pid == 0:
        try:
            job()
        finally:
            os._exit(0)
    return pid


def counted(snapshot: Snapshot, kind: type) -> int:
    """How many objects of one type a snapshot found."""
    name = f"{kind.__module__}.{kind.__qualname__}"
    return sum(row.count for row in snapshot.census.rows if row.type_name == name)


class HeldCase(TestCase):
    """A child that is held, and afterwards nothing left of it."""

    timeout = 60

    def setUp(self) -> None:
        """A gate, and the descriptors that were open before."""
        self.before = len(os.listdir("/proc/self/fd"))
        self.gate = Gate()
        self.taker = SnapshotTaker(reactor, job=self.gate.job, keep=(self.gate.fd,))

    def tearDown(self) -> None:
        """No descriptor is left, and no child, dead or alive."""
        self.gate.close()
        self.assertEqual(len(os.listdir("/proc/self/fd")), self.before)
        self.assertRaises(ChildProcessError, os.waitpid, -1, os.WNOHANG)

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait for something that no event tells of."""
        while not condition():
            await deferLater(reactor, 0.002)

    def pid(self) -> int:
        """The process id of the child that lives."""
        assert self.taker._current is not None
        return self.taker._current.child.pid


class SharedThingsTests(HeldCase):
    """What the parent shares with a child that lives."""

    async def connect(self) -> tuple[Line, Line]:
        """A connection over loopback: the end of the server, and its peer's."""
        accepted: Deferred[Line] = Deferred()
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(
            Factory.forProtocol(lambda: made[0])
        )
        made = [Line()]
        made[0].connectionMade = lambda: accepted.callback(made[0])  # type: ignore[method-assign]
        peer = await connectProtocol(
            TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port), Line()
        )
        server = await accepted
        await port.stopListening()
        return server, peer

    async def test_reset(self) -> None:
        """The peer gets the reset of an aborted connection while the child is held."""
        server, peer = await self.connect()
        wanted = self.taker.take()
        server.transport.abortConnection()
        (await peer.lost).trap(ConnectionLost)
        self.assertNoResult(wanted)
        self.gate.open()
        await wanted

    async def test_reset_waits_for_a_bare_child(self) -> None:
        """Without our precautions the reset comes after the child, though later ones came before."""
        server, peer = await self.connect()
        pid = bare_fork(self.gate.wait)
        later, later_peer = await self.connect()
        server.transport.abortConnection()
        await server.lost
        later.transport.abortConnection()
        await later_peer.lost
        self.assertNoResult(peer.lost)
        self.gate.open()
        os.waitpid(pid, 0)
        (await peer.lost).trap(ConnectionLost)

    def lock(self) -> tuple[Any, Any]:
        """One file, open twice, locked by the first."""
        path = self.mktemp()
        first, second = open(path, "w"), open(path, "w")
        self.addCleanup(first.close)
        fcntl.flock(first, fcntl.LOCK_EX)
        return first, second

    async def test_lock(self) -> None:
        """A file lock that the parent drops is free while the child is held."""
        first, second = self.lock()
        wanted = self.taker.take()
        await self.until(lambda: "there" in self.taker._current.stages)  # type: ignore[union-attr]
        first.close()
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        second.close()
        self.assertNoResult(wanted)
        self.gate.open()
        await wanted

    def test_lock_stays_with_a_bare_child(self) -> None:
        """Without our precautions the child keeps the lock until it ends."""
        first, second = self.lock()
        pid = bare_fork(self.gate.wait)
        first.close()
        self.assertRaises(BlockingIOError, fcntl.flock, second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.gate.open()
        os.waitpid(pid, 0)
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        second.close()


def make_garbage(ran: list[int]) -> tuple[str, str]:
    """Drop a cycle that owns a directory, a file, a finalizer and a callback."""
    holder = Planted()
    holder.itself = holder  # type: ignore[attr-defined]
    holder.folder = tempfile.TemporaryDirectory()  # type: ignore[attr-defined]
    holder.file = tempfile.NamedTemporaryFile()  # type: ignore[attr-defined]
    weakref.finalize(holder, ran.append, 1).atexit = False
    return holder.folder.name, holder.file.name  # type: ignore[attr-defined]


class GarbageTests(HeldCase):
    """What the collector would free, and may not in the child."""

    def setUp(self) -> None:
        """Garbage that waits for a collector which would like to run."""
        super().setUp()
        gc.collect()
        gc.disable()
        self.paths = make_garbage([])
        self.limits = gc.get_threshold()
        gc.set_threshold(1, 1, 1)

    def tearDown(self) -> None:
        """Let the parent's collector have it."""
        gc.set_threshold(*self.limits)
        gc.enable()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gc.collect()
        self.assertFalse(any(map(os.path.exists, self.paths)))
        super().tearDown()

    def churn(self, send: Send) -> None:
        """Allocate what makes an eager collector run, then take the census."""
        send("made", len([[n] for n in range(5000)]))
        census_job(send)

    async def test_files_stay(self) -> None:
        """Garbage that owns temporary files is counted, and its files stay, eager as it may be."""
        taker = SnapshotTaker(reactor, job=self.churn)
        gc.enable()
        wanted = taker.take()
        gc.disable()
        snapshot = await wanted
        self.assertEqual(counted(snapshot, Planted), 1)
        self.assertTrue(all(map(os.path.exists, self.paths)))

    def test_files_go_with_a_collecting_child(self) -> None:
        """A child that collects deletes the parent's files."""
        folder = self.paths[0]
        os.waitpid(bare_fork(gc.collect), 0)
        self.assertFalse(os.path.exists(folder))

    async def test_collector_left_alone(self) -> None:
        """The parent's collector is on or off after a snapshot as it was before."""
        for switch, state in [(gc.enable, True), (gc.disable, False)]:
            switch()
            wanted = take_snapshot(reactor)
            self.assertEqual(gc.isenabled(), state)
            gc.disable()
            await wanted

    async def test_frozen(self) -> None:
        """A program that froze its heap is seen whole, and stays frozen."""
        kept = [Planted() for _ in range(1000)]
        gc.freeze()
        try:
            wanted = take_snapshot(reactor)
            self.assertLess(len(gc.get_objects()), 1000)
            self.assertGreater(gc.get_freeze_count(), 1000)
        finally:
            gc.unfreeze()
        self.assertEqual(counted(await wanted, Planted), len(kept) + 1)


class EndTests(HeldCase):
    """However a child ends, it is told, counted, and gone."""

    async def failed(self, wanted: Deferred[Snapshot], *words: str) -> None:
        """A snapshot fails, with these words in its one sentence."""
        try:
            await wanted
        except SnapshotFailed as error:
            for word in words:
                self.assertIn(word, str(error))
        else:
            self.fail("the snapshot was taken")

    async def test_taken(self) -> None:
        """A snapshot has its numbers, and the parent has nothing left of it."""
        kept = [Planted() for _ in range(123)]
        self.gate.open()
        snapshot = await self.taker.take()
        self.assertEqual(counted(snapshot, Planted), len(kept))
        self.assertTrue(0 < snapshot.pause < 5 and 0 < snapshot.child_cpu < 60)
        self.assertGreater(snapshot.rss, 2**20)
        self.assertGreater(snapshot.child_memory or 0, 2**16)
        statistics = self.taker.statistics()
        self.assertEqual((statistics.taken, statistics.failed), (1, 0))
        self.assertEqual(statistics.worst_pause, snapshot.pause)

    async def test_killed(self) -> None:
        """A child that somebody kills is a failure that names the signal."""
        wanted = self.taker.take()
        os.kill(self.pid(), signal.SIGKILL)
        await self.failed(wanted, "SIGKILL")
        self.assertEqual(self.taker.statistics().failed, 1)

    async def test_hangs(self) -> None:
        """A child that hangs is killed at the deadline, and the next one is served."""
        self.taker._deadline = 0.2
        await self.failed(self.taker.take(), "0.2 s", "killed")
        self.taker._deadline = 60.0
        self.gate.open()
        await self.taker.take()
        self.assertEqual(self.taker.statistics().failed, 1)

    async def test_full_pipe(self) -> None:
        """A child that never stops sending is killed at the deadline."""

        def flood(send: Send) -> None:
            while True:
                send("flood", "x" * 100_000)

        await self.failed(SnapshotTaker(reactor, job=flood, deadline=0.3).take(), "0.3 s")

    async def test_more_than_a_pipe_holds(self) -> None:
        """Stages far larger than a pipe come through whole."""

        def much(send: Send) -> None:
            send("much", ["x" * 1000] * 20_000)
            census_job(send)

        await SnapshotTaker(reactor, job=much).take()

    async def test_raises(self) -> None:
        """A child whose job raises anything is a failure that names the type and no value."""

        def fail(send: Send) -> None:
            raise KeyboardInterrupt("a planted secret")

        taker = SnapshotTaker(reactor, job=fail)
        wanted = taker.take()
        await self.failed(wanted, "KeyboardInterrupt")
        self.assertEqual(taker.statistics().failed, 1)

    async def test_late_trouble(self) -> None:
        """What a child sent before it failed is kept."""

        def late(send: Send) -> None:
            census_job(send)
            raise MemoryError

        snapshot = await SnapshotTaker(reactor, job=late).take()
        self.assertIsNone(snapshot.child_memory)

    async def test_reaped_by_another(self) -> None:
        """A child that somebody else has reaped is a normal end."""
        wanted = self.taker.take()
        os.kill(self.pid(), signal.SIGTERM)
        os.waitpid(self.pid(), 0)
        await self.failed(wanted, "without a census")

    async def test_no_descriptors(self) -> None:
        """A process that may open no more descriptors gets a failure, not an exception."""
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            wanted = self.taker.take()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        await self.failed(wanted, "forked", "open files")
        self.assertEqual(self.taker.statistics().failed, 1)

    async def test_orphan(self) -> None:
        """A child that nobody kills ends by itself."""
        child = fork_child(self.gate.job, keep=(self.gate.fd,), lifetime=1)
        os.close(child.fd)
        ended: list[Any] = []
        await self.until(lambda: ended.append(child.reap()) or ended[-1])
        self.assertIn(ended[-1].exit_code, (-signal.SIGALRM, -signal.SIGPIPE))


class WaitingTests(HeldCase):
    """Several who want a snapshot, and some who no longer do."""

    async def test_joined(self) -> None:
        """Who asks while one is being taken gets that one; there is one child."""
        first, pid, second = self.taker.take(), self.pid(), self.taker.take()
        self.assertEqual(self.pid(), pid)
        self.gate.open()
        self.assertIs(await first, await second)
        self.assertEqual(self.taker.statistics().taken, 1)

    async def test_one_leaves(self) -> None:
        """One of two cancels: the other still gets the snapshot."""
        first, second = self.taker.take(), self.taker.take()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.gate.open()
        await second

    async def test_all_leave(self) -> None:
        """The last one cancels: the child is killed, and a new wish gets a new child."""
        first = self.taker.take()
        pid = self.pid()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        second = self.taker.take()
        self.assertNotEqual(self.pid(), pid)
        self.gate.open()
        await second
        await self.taker.close()
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)
        self.assertEqual(self.taker.statistics().failed, 0)

    async def test_close(self) -> None:
        """A close fails the wish at once, and fires when the child is reaped."""
        wanted, pid = self.taker.take(), self.pid()
        closed = self.taker.close()
        self.failureResultOf(wanted, SnapshotFailed)
        await closed
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)

    async def test_process_of_twisted(self) -> None:
        """A process that the reactor spawned reports its own exit status."""
        wanted = self.taker.take()
        out, _, status = await getProcessOutputAndValue("/bin/sh", ["-c", "echo me; exit 3"])
        self.assertEqual((out, status), (b"me\n", 3))
        self.gate.open()
        await wanted


class ChildStateTests(HeldCase):
    """What a child is like while its job runs."""

    async def state(self) -> dict[str, Any]:
        """What a child says of itself."""
        stages: list[dict[str, Any]] = []

        def describe(send: Send) -> None:
            send("state", child_state())
            self.gate.wait()
            census_job(send)

        taker = SnapshotTaker(reactor, job=describe, keep=(self.gate.fd,))
        wanted = taker.take()
        await self.until(lambda: "state" in taker._current.stages)  # type: ignore[union-attr]
        stages.append(taker._current.stages)  # type: ignore[union-attr]
        self.gate.open()
        await wanted
        return stages[0]["state"]

    async def test_state(self) -> None:
        """No collector, no handlers, no blocked signals, no wakeup, no tracing; idle."""
        state = await self.state()
        self.assertEqual(state["collector"], [False, 0])
        self.assertEqual(state["handlers"], [])
        self.assertEqual((state["mask"], state["wakeup"], state["tracing"]), ([], -1, False))
        self.assertIn(state["scheduler"], ([os.SCHED_IDLE, 0], [os.SCHED_OTHER, 19]))
        self.assertIn(state["oom"], ("1000\n", "0\n"))

    async def test_descriptors(self) -> None:
        """Of the parent's descriptors none is open; 0 to 2 lead nowhere."""
        ours, theirs = socket.socketpair()
        high = os.dup(ours.fileno())
        os.dup2(ours.fileno(), 900)
        links = (await self.state())["links"]
        for fd in (ours.detach(), theirs.detach(), high, 900):
            os.close(fd)
        self.assertEqual([links.pop(n) for n in "012"], [os.devnull] * 3)
        kinds = sorted(link.partition(":")[0].rpartition("/")[2] for link in links.values())
        self.assertEqual(kinds, ["fd", "pipe", "pipe", "smaps_rollup"])

    async def test_parent_is_as_before(self) -> None:
        """The parent's handlers, signal mask and wakeup descriptor are as they were."""

        def mine() -> list[Any]:
            handlers = [signal.getsignal(number) for number in sorted(CATCHABLE)]
            return [handlers, signal.pthread_sigmask(signal.SIG_BLOCK, ()), sys.gettrace()]

        before = mine()
        self.gate.open()
        wanted = self.taker.take()
        self.assertEqual(mine(), before)
        await wanted


def child_state() -> dict[str, Any]:
    """All that a child can say of itself; it may open files, being a test."""
    fds = os.listdir("/proc/self/fd")
    links = {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in fds if os.path.lexists(f"/proc/self/fd/{fd}")}
    with open("/proc/self/oom_score_adj") as file:
        oom = file.read()
    return {
        "collector": [gc.isenabled(), gc.get_freeze_count()],
        "handlers": [int(n) for n in CATCHABLE if signal.getsignal(n) != signal.SIG_DFL],
        "mask": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))),
        "wakeup": signal.set_wakeup_fd(-1),
        "tracing": bool(sys.gettrace() or sys.getprofile()),
        "scheduler": [os.sched_getscheduler(0), os.nice(0)],
        "links": links,
        "oom": oom,
    }
