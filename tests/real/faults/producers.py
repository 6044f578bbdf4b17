"""Producers that are never done."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPullProducer, IPushProducer
from zope.interface import implementer

from tests.real.faults.connections import Accepted
from tests.real.faults.peers import NeverReads
from tests.real.faults.world import pattern

PART = 8 * 128


@implementer(IPushProducer)
class NeverResumes:
    """Is told to resume and does not; nor does it ever say that it is done."""

    def resumeProducing(self) -> None:
        pass

    pauseProducing = stopProducing = resumeProducing


class Raises(NeverResumes):
    """Raises when it is stopped."""

    def stopProducing(self) -> None:
        raise RuntimeError("a producer that cannot be stopped")


@implementer(IPullProducer)
class NeverEnds:
    """Has always something more, which takes its time."""

    def __init__(self, fault: Any, transport: Any) -> None:
        self.fault, self.transport = fault, transport
        self.stopped, self.sent = False, 0
        self.next: Any = None

    def resumeProducing(self) -> None:
        if self.next is None:
            self.next = self.fault.reactor.callLater(0.01, self.write)

    def write(self) -> None:
        self.next = None
        if not self.stopped:
            self.transport.write(self.fault.all[self.sent : self.sent + PART])
            self.sent += PART

    def stopProducing(self) -> None:
        self.stopped = True


class StreamingNeverResumes(Accepted):
    """A streaming producer that never resumes, and a peer that reads all it is sent."""

    def begin(self, protocol: Any) -> Deferred[None]:
        self.expected = pattern(1_000_000)
        self.arrived: Deferred[None] = Deferred()
        protocol.transport.registerProducer(NeverResumes(), True)
        protocol.transport.write(self.expected)
        return self.arrived

    def read(self, client: Any) -> None:
        while len(self.received) < 1_000_000:
            self.received += client.recv(1 << 18)
        self.reactor.callFromThread(self.arrived.callback, None)
        super().read(client)


class PullNeverEnds(Accepted):
    """A pull producer that never ends, and a peer that reads all it is sent."""

    reads = False  # to the end: there is none

    def begin(self, protocol: Any) -> None:
        self.all = pattern(100_000_000 // 8)
        protocol.transport.registerProducer(NeverEnds(self, protocol.transport), False)

    def result(self) -> Any:
        self.expected = self.all
        return super().result()


class StopProducingRaises(NeverReads):
    """A producer that raises when it is stopped, and a peer that does not read."""

    def begin(self, protocol: Any) -> None:
        protocol.transport.registerProducer(Raises(), True)
        super().begin(protocol)
