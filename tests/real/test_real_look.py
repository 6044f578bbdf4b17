"""What the child of a snapshot says of its parent, snapshot by snapshot."""

from __future__ import annotations

import os
import resource
import signal
import sys
import types
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import TestCase

from tests.real.apart import apart
from tests.real.glance import glance
from txresource.errors import SnapshotFailed
from txresource.heap.child import Send
from txresource.heap.paths import path_text
from txresource.leaks.growth import GrowthHistory
from txresource.leaks.look import Errand
from txresource.leaks.snapshots import Snapshot, SnapshotTaker

testSuite = apart(__name__)


class Message:
    """What is kept for ever."""


class LookCase(TestCase):
    """Snapshots one after the other, of a program with one module."""

    timeout = 240

    def setUp(self) -> None:
        """A program: one module with a list."""
        self.app: Any = types.ModuleType("app")
        self.app.KEPT = []
        sys.modules["app"] = self.app
        self.addCleanup(sys.modules.pop, "app")
        self.taker = SnapshotTaker(reactor)
        self.lines: list[str] = []
        observer = self.observe
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def observe(self, event: Any) -> None:
        """Keep what the taker says of its children, and not how long a busy machine took to fork."""
        if event.get("log_namespace") == "txresource.leaks.snapshots" and "trouble" in event:
            self.lines.append(event["log_format"].format(**event))

    def history(self) -> GrowthHistory:
        """What the taker's next child will be told."""
        return GrowthHistory.decode(self.taker._history.encoded)


class VerdictTests(LookCase):
    """From snapshot to snapshot."""

    async def test_growing(self) -> None:
        """What grows is in the verdict after a few snapshots, and where it hangs in the heap."""
        for _ in range(7):
            self.app.KEPT += [Message() for _ in range(200)]
            snapshot = await self.taker.take()
        found = {entry["title"]: entry for entry in snapshot.verdict["growing"]}
        entry = found[f"{__name__}.Message held by app.KEPT"]
        self.assertEqual((entry["count"], entry["measure"]), (1400, "count"))
        # It grew a snapshot ago, and was looked at last: nobody else leads to what hangs in it.
        self.assertGreaterEqual(entry["exclusive"], 1400 * sys.getsizeof(Message()))
        self.assertEqual(entry["share"], entry["exclusive"])
        self.assertEqual(snapshot.verdict["snapshots"], 7)
        self.assertEqual((snapshot.verdict["leaks"], self.lines), ([], []))
        rows = {path_text(row.path): row.count for row in snapshot.heap.rows}
        self.assertEqual(rows[f"module app .KEPT list [*] {__name__}.Message"], 1400)

    async def test_numbers(self) -> None:
        """The numbers of a snapshot are those of its heap, and the load is what was told."""
        taker = SnapshotTaker(reactor, load=lambda: 7)
        snapshot = await taker.take()
        heap = snapshot.heap
        self.assertEqual((heap.load, heap.pid, heap.rss), (7, os.getpid(), snapshot.rss))
        self.assertEqual((heap.taken_at, heap.size), (snapshot.taken_at, snapshot.size))
        self.assertEqual((heap.objects, heap.gc_objects), (snapshot.objects, snapshot.gc_objects))
        self.assertEqual(sum(row.size for row in heap.rows), heap.size)
        self.assertLess(len(snapshot.encoded), 2**20)

    async def test_looks_past_itself(self) -> None:
        """What is kept from one snapshot to the next is in none of them."""
        kept = [await self.taker.take() for _ in range(2)]
        rows = (await self.taker.take()).census.rows
        names = {row.type_name for row in rows}
        self.assertTrue(all(snapshot.encoded for snapshot in kept))
        self.assertFalse({name for name in names if name.endswith(("Snapshot", "_History"))})

    async def test_reactor_is_named(self) -> None:
        """What only the reactor holds is found under its timers."""
        call = reactor.callLater(60, lambda: None)  # type: ignore[attr-defined]
        snapshot = await self.taker.take()
        call.cancel()
        roots = {row.path[0].edge for row in snapshot.heap.rows}
        self.assertIn("reactor's timers", roots)
        self.assertIn("reactor's readers", roots)


class LostTests(LookCase):
    """Children that are lost on their way."""

    async def after_one(self, job: Callable[..., None], **settings: Any) -> Snapshot | None:
        """Take a good snapshot, lose one, take a good one again; the lost one, where it was had."""
        self.taker._job = glance
        await self.taker.take()
        before = self.taker._history.encoded
        self.taker._job, deadline = job, self.taker._deadline
        self.taker._deadline = settings.get("deadline", deadline)
        lost = None
        try:
            lost = await self.taker.take()
        except SnapshotFailed:
            pass
        self.assertEqual(self.taker._history.encoded, before)
        self.taker._job, self.taker._deadline = glance, deadline
        await self.taker.take()
        self.assertEqual(self.history().snapshots, 2)
        return lost

    async def test_killed_after_the_snapshot(self) -> None:
        """A child killed before its verdict gives its snapshot, one line, and no history."""

        def job(errand: Errand, send: Send, frames: Sequence[FrameType]) -> None:
            def stop(stage: str, data: Any) -> None:
                if stage == "verdict":
                    os.kill(os.getpid(), signal.SIGKILL)
                send(stage, data)

            glance(errand, stop, frames)

        lost = await self.after_one(job)
        assert lost is not None
        self.assertEqual((lost.objects, lost.heap.objects), (1, 1))
        self.assertEqual(lost.verdict["leaks"], [])
        (line,) = self.lines
        self.assertIn("SIGKILL", line)

    async def test_hangs_after_the_snapshot(self) -> None:
        """A child that hangs in its verdict is killed at the deadline; its snapshot is kept."""

        def job(errand: Errand, send: Send, frames: Sequence[FrameType]) -> None:
            def stop(stage: str, data: Any) -> None:
                if stage == "verdict":
                    signal.pause()
                send(stage, data)

            glance(errand, stop, frames)

        self.assertIsNotNone(await self.after_one(job, deadline=5.0))
        self.assertEqual(len(self.lines), 1, self.lines)
        self.assertIn("5 s", self.lines[0])

    async def test_no_memory(self) -> None:
        """A child that gets no more memory is a failure that says so, and nothing else."""

        def job(errand: Errand, send: Send, frames: Sequence[FrameType]) -> None:
            resource.setrlimit(resource.RLIMIT_AS, (2**20, 2**20))
            # More than what the parent has let go of and kept: a look may find room in that.
            waste = [bytearray(2**20) for _ in range(2**14)]
            glance(errand, send, frames)
            del waste

        self.assertIsNone(await self.after_one(job))
        self.assertEqual(self.taker.statistics().failed, 1)

    async def test_damaged_history(self) -> None:
        """A history that cannot be read is begun anew."""
        self.taker._job, self.taker._history.encoded = glance, b"damaged"
        await self.taker.take()
        self.assertEqual(self.history().snapshots, 1)

    async def test_given_up(self) -> None:
        """A snapshot that nobody waits for any more leaves the history as it was."""

        def job(errand: Errand, send: Send, frames: Sequence[FrameType]) -> None:
            glance(errand, send, frames)
            signal.pause()

        self.taker._job = glance
        await self.taker.take()
        before = self.taker._history.encoded
        self.taker._job = job
        wanted = self.taker.take()
        wanted.addErrback(lambda failure: None)
        while self.taker._current is None or "history" not in self.taker._current.stages:
            await deferLater(reactor, 0.002)
        wanted.cancel()
        await self.taker.close()
        self.assertEqual(self.taker._history.encoded, before)
