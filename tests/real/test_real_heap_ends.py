"""How the children of snapshots end, on a real reactor."""

from __future__ import annotations

import os
import resource
import signal
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.internet.utils import getProcessOutputAndValue

from tests.real.apart import apart
from tests.real.glance import glance
from tests.real.heap_case import HeldCase, Planted, counted
from txresource.errors import SnapshotFailed
from txresource.heap.child import Send
from txresource.heap.fork import fork_child
from txresource.leaks.snapshots import Snapshot, SnapshotTaker

testSuite = apart(__name__)


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
        taker = SnapshotTaker(reactor)
        snapshot = await taker.take()
        self.assertEqual(counted(snapshot, Planted), len(kept))
        self.assertTrue(0 < snapshot.pause < 5 and 0 < snapshot.child_cpu < 60)
        self.assertGreater(snapshot.rss, 2**20)
        self.assertGreater(snapshot.child_memory or 0, 2**16)
        statistics = taker.statistics()
        self.assertEqual((statistics.taken, statistics.failed), (1, 0))
        self.assertEqual(statistics.worst_pause, snapshot.pause)

    async def test_killed(self) -> None:
        """A child that somebody kills is a failure that names the signal."""
        wanted = self.taker.take()
        os.kill(await self.pid(), signal.SIGKILL)
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

        def flood(errand: Any, send: Send, frames: Any) -> None:
            while True:
                send("flood", "x" * 100_000)

        await self.failed(SnapshotTaker(reactor, job=flood, deadline=0.3).take(), "0.3 s")

    async def test_more_than_a_pipe_holds(self) -> None:
        """Stages far larger than a pipe come through whole."""

        def much(errand: Any, send: Send, frames: Any) -> None:
            send("much", ["x" * 1000] * 20_000)
            glance(errand, send, frames)

        await SnapshotTaker(reactor, job=much).take()

    async def test_raises(self) -> None:
        """A child whose job raises anything is a failure that names the type and no value."""

        def fail(errand: Any, send: Send, frames: Any) -> None:
            raise KeyboardInterrupt("a planted secret")

        taker = SnapshotTaker(reactor, job=fail)
        wanted = taker.take()
        await self.failed(wanted, "KeyboardInterrupt")
        self.assertEqual(taker.statistics().failed, 1)

    async def test_late_trouble(self) -> None:
        """What a child sent before it failed is kept."""

        def late(errand: Any, send: Send, frames: Any) -> None:
            glance(errand, send, frames)
            raise MemoryError

        snapshot = await SnapshotTaker(reactor, job=late).take()
        self.assertIsNone(snapshot.child_memory)

    async def test_reaped_by_another(self) -> None:
        """A child that somebody else has reaped is a normal end."""
        wanted = self.taker.take()
        pid = await self.pid()
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        await self.failed(wanted, "without a snapshot")

    async def test_no_descriptors(self) -> None:
        """A process that may open no more descriptors gets a failure, not an exception."""
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            await self.failed(self.taker.take(), "forked", "open files")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        self.assertEqual(self.taker.statistics().failed, 1)

    async def test_orphan(self) -> None:
        """A child that nobody kills ends by itself."""
        child = fork_child(lambda *_: self.gate.wait(), keep=(self.gate.fd,), lifetime=1)
        os.close(child.fd)
        ended: list[Any] = []
        await self.until(lambda: ended.append(child.reap()) or ended[-1])
        self.assertEqual(ended[-1].exit_code, -signal.SIGALRM)


class WaitingTests(HeldCase):
    """Several who want a snapshot, and some who no longer do."""

    async def test_joined(self) -> None:
        """Who asks while one is being taken gets that one; there is one child."""
        first, second = self.taker.take(), self.taker.take()
        pid, third = await self.pid(), self.taker.take()
        self.assertEqual(await self.pid(), pid)
        self.gate.open()
        self.assertIs(await third, await second)
        self.assertIs(await first, await second)
        self.assertEqual(self.taker.statistics().taken, 1)

    async def test_one_leaves(self) -> None:
        """One of two cancels: the other still gets the snapshot."""
        first, second = self.taker.take(), self.taker.take()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.gate.open()
        await second

    async def test_all_leave_at_once(self) -> None:
        """Who cancels in the turn of the wish has no child forked."""
        wanted = self.taker.take()
        wanted.cancel()
        self.failureResultOf(wanted, CancelledError)
        await deferLater(reactor, 0)
        self.assertEqual(repr(self.taker), "<SnapshotTaker idle, 0 taken>")

    async def test_all_leave(self) -> None:
        """The last one cancels: the child is killed, and a new wish gets a new child."""
        first = self.taker.take()
        pid = await self.pid()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        second = self.taker.take()
        self.assertNotEqual(await self.pid(), pid)
        # One that is being killed could yet go through the gate in place of the other.
        await self.until(lambda: not self.taker._leaving)
        self.gate.open()
        await second
        await self.taker.close()
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)
        self.assertEqual(self.taker.statistics().failed, 0)

    async def test_close(self) -> None:
        """A close fails the wish at once, and fires when the child is reaped."""
        wanted = self.taker.take()
        pid = await self.pid()
        closed = self.taker.close()
        self.failureResultOf(wanted, SnapshotFailed)
        await closed
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)

    async def test_process_of_twisted(self) -> None:
        """A process that the reactor spawned reports its own exit status."""
        wanted = self.taker.take()
        await self.pid()
        out, _, status = await getProcessOutputAndValue("/bin/sh", ["-c", "echo me; exit 3"])
        self.assertEqual((out, status), (b"me\n", 3))
        self.gate.open()
        await wanted
