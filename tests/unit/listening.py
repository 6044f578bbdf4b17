"""A clock on which ports listen and connections come and go, in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import Clock, deferLater
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer


class Wire(StringTransport):
    """
    A transport that, like a socket, tells of its end in a later turn.

    :ivar deaf: whether the peer never lets it close softly.
    """

    def __init__(self, clock: Clock, deaf: bool = False) -> None:
        super().__init__()
        self.clock = clock
        self.deaf = deaf
        self.protocol: Any = None
        self.asked: list[str] = []

    def connect(self, protocol: Any) -> Any:
        """Connect a protocol, as a port does it."""
        self.protocol = protocol
        protocol.makeConnection(self)
        return protocol

    def loseConnection(self) -> None:
        """Close softly."""
        self.asked.append("lose")
        if not self.deaf:
            self.clock.callLater(0, self.gone, ConnectionDone())

    def abortConnection(self) -> None:
        """Close."""
        self.asked.append("abort")
        self.clock.callLater(0, self.gone, ConnectionAborted())

    def gone(self, why: Exception) -> None:
        """The end, once."""
        if self.protocol is not None:
            self.connectionLost(Failure(why))

    def connectionLost(self, reason: Failure) -> None:
        """Pass the end on, and let go."""
        producer, self.producer = self.producer, None
        if producer is not None:
            producer.stopProducing()
        protocol, self.protocol = self.protocol, None
        protocol.connectionLost(reason)


@implementer(IListeningPort)
class MemoryPort:
    """A port that stops in the turn after it is told."""

    def __init__(self, clock: ListeningClock, factory: Any) -> None:
        self.clock = clock
        self.factory = factory
        self.listening = True
        self.told = 0
        factory.doStart()

    def startListening(self) -> None:
        """It listens already."""

    def getHost(self) -> IPv4Address:
        """Some address."""
        return IPv4Address("TCP", "127.0.0.1", 1)

    def stopListening(self) -> Deferred[Any] | None:
        """Stop in the next turn; nothing to wait for when it has stopped."""
        self.told += 1
        return deferLater(self.clock, 0, self.connectionLost, None) if self.listening else None

    def connectionLost(self, reason: Any) -> None:
        """Stopped."""
        self.listening = False
        self.factory.doStop()

    def accept(self, deaf: bool = False) -> Wire:
        """Accept a connection, where the factory wants one."""
        wire = Wire(self.clock, deaf)
        protocol = self.factory.buildProtocol(wire.getPeer())
        if protocol is None:
            wire.asked.append("refused")
        else:
            wire.connect(protocol)
        return wire


class ListeningClock(Clock):
    """A clock that listens."""

    def __init__(self) -> None:
        super().__init__()
        self.fail = False

    def listenTCP(
        self, port: int, factory: Any, backlog: int = 50, interface: str = ""
    ) -> MemoryPort:
        """Listen, or fail as a port in use does."""
        if self.fail:
            raise OSError("in use")
        return MemoryPort(self, factory)
