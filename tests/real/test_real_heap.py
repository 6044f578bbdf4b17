"""Snapshots on a real reactor, with real children."""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import socket
import sys
import tempfile
import warnings
import weakref
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from tests.real.apart import apart
from tests.real.glance import glance
from tests.real.heap_case import HeldCase, Planted, counted
from txresource.heap.child import CATCHABLE, Send
from txresource.leaks.look import look
from txresource.leaks.snapshots import SnapshotTaker, take_snapshot

testSuite = apart(__name__)


class Line(Protocol):
    """One end of a connection that fires when it is lost."""

    def __init__(self) -> None:
        self.lost: Deferred[type[BaseException]] = Deferred()

    def connectionLost(self, reason: Failure = None) -> None:  # type: ignore[assignment]
        """The end, with the type of its reason."""
        self.lost.callback(reason.type)


def bare_fork(job: Callable[[], Any]) -> int:
    """Fork as one would without any of our precautions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        try:
            job()
        finally:
            os._exit(0)
    return pid


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
        await self.pid()
        server.transport.abortConnection()
        self.assertIs(await peer.lost, ConnectionLost)
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
        self.assertIs(await peer.lost, ConnectionLost)

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
        await self.stages("there")
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

    async def setUp(self) -> None:
        """Garbage that waits for a collector which would like to run."""
        await super().setUp()
        gc.collect()
        gc.disable()
        self.paths = make_garbage([])
        self.limits = gc.get_threshold()
        # Rare enough for the parent, eager for a child that makes more lists.
        gc.set_threshold(100_000, 1, 1)

    def tearDown(self) -> None:
        """Let the parent's collector have it."""
        gc.set_threshold(*self.limits)
        gc.enable()
        # What the finalizers say of a file that is gone is not of interest.
        hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gc.collect()
        sys.unraisablehook = hook
        self.assertFalse(any(map(os.path.exists, self.paths)))
        super().tearDown()

    def churn(self, errand: Any, send: Send, frames: Any) -> None:
        """Allocate what makes an eager collector run, then look."""
        send("made", len([[n] for n in range(300_000)]))
        look(errand, send, frames)

    async def test_files_stay(self) -> None:
        """Garbage that owns temporary files is counted, and its files stay, eager as it may be."""
        taker = SnapshotTaker(reactor, job=self.churn)
        gc.enable()
        wanted = taker.take()
        await self.until(lambda: taker._current)
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


class ChildStateTests(HeldCase):
    """What a child is like while its job runs."""

    async def state(self) -> dict[str, Any]:
        """What a child says of itself."""
        stages: list[dict[str, Any]] = []

        def describe(errand: Any, send: Send, frames: Any) -> None:
            send("state", child_state())
            self.gate.wait()
            glance(errand, send, frames)

        taker = SnapshotTaker(reactor, job=describe, keep=(self.gate.fd,))
        wanted = taker.take()
        stages.append(await self.stages("state", taker))
        self.gate.open()
        await wanted
        return stages[0]["state"]

    async def test_state(self) -> None:
        """No collector, no handlers, no blocked signals, no wakeup, no tracing; a low priority."""
        state = await self.state()
        self.assertEqual(state["collector"], [False, 0])
        self.assertEqual(state["handlers"], [])
        self.assertEqual((state["mask"], state["wakeup"], state["tracing"]), ([], -1, False))
        self.assertEqual(state["niceness"], min(os.nice(0) + 10, 19))
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
        self.assertEqual(kinds, ["pipe", "pipe", "smaps_rollup"])

    async def test_parent_is_as_before(self) -> None:
        """The parent's handlers, signal mask and wakeup descriptor are as they were."""

        def mine() -> list[Any]:
            handlers = [signal.getsignal(number) for number in sorted(CATCHABLE)]
            return [handlers, signal.pthread_sigmask(signal.SIG_BLOCK, ()), sys.gettrace()]

        before = mine()
        wanted = self.taker.take()
        await self.pid()
        self.assertEqual(mine(), before)
        self.gate.open()
        await wanted


def child_state() -> dict[str, Any]:
    """All that a child can say of itself; it may open files, being a test."""
    fds = os.listdir("/proc/self/fd")
    links = {
        fd: os.readlink(f"/proc/self/fd/{fd}")
        for fd in fds
        if os.path.lexists(f"/proc/self/fd/{fd}")
    }
    with open("/proc/self/oom_score_adj") as file:
        oom = file.read()
    return {
        "collector": [gc.isenabled(), gc.get_freeze_count()],
        "handlers": [int(n) for n in CATCHABLE if signal.getsignal(n) != signal.SIG_DFL],
        "mask": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))),
        "wakeup": signal.set_wakeup_fd(-1),
        "tracing": bool(sys.gettrace() or sys.getprofile()),
        "niceness": os.nice(0),
        "links": links,
        "oom": oom,
    }
