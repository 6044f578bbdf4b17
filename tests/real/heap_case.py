"""What the tests of real snapshots share: a child that is held at a gate."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.real.glance import glance
from txresource.heap.child import Send
from txresource.heap.fork import Child
from txresource.heap.stages import StageDecoder
from txresource.leaks.look import Errand
from txresource.leaks.snapshots import Snapshot, SnapshotTaker


class Gate:
    """Holds a child until the test lets it go on."""

    def __init__(self) -> None:
        self.fd, self.opening = os.pipe()

    def job(self, errand: Errand, send: Send, frames: Sequence[FrameType]) -> None:
        """Say that the child is there, wait at the gate, then go on."""
        send("there", True)
        self.wait()
        glance(errand, send, frames)

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


def counted(snapshot: Snapshot, kind: type) -> int:
    """How many objects of one type a snapshot found."""
    name = f"{kind.__module__}.{kind.__qualname__}"
    return sum(row.count for row in snapshot.census.rows if row.type_name == name)


def stages_of(child: Child) -> dict[str, Any]:
    """What a child sends until it ends."""
    decoder, stages = StageDecoder(), {}
    try:
        while select.select([child.fd], [], [], 60)[0] and (data := os.read(child.fd, 65536)):
            stages.update(decoder.feed(data))
    finally:
        os.close(child.fd)
        status = os.waitpid(child.pid, 0)[1]
    assert os.waitstatus_to_exitcode(status) == 0, stages.get("error")
    return stages


class HeldCase(TestCase):
    """A child that is held, and afterwards nothing left of it."""

    timeout = 60

    async def setUp(self) -> None:
        """A gate, and the descriptors that were open before."""
        # The reactor opens some of its own when it starts to run and to listen.
        await deferLater(reactor, 0)
        await reactor.listenTCP(0, Factory(), interface="127.0.0.1").stopListening()  # type: ignore[attr-defined]
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

    async def pid(self) -> int:
        """The process id of the child, as soon as it is forked."""
        await self.until(lambda: self.taker._current)
        assert self.taker._current is not None
        return self.taker._current.child.pid

    async def stages(self, name: str, taker: SnapshotTaker | None = None) -> dict[str, Any]:
        """What the child has sent, as soon as it has sent a stage of this name."""
        taker = taker or self.taker
        await self.until(lambda: taker._current and name in taker._current.stages)
        assert taker._current is not None
        return taker._current.stages
