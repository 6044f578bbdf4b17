"""Peers that do not do their part, and connections of which one half is closed."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol
from zope.interface import implementer

from tests.real.faults.connections import Accepted, Made, Told
from tests.real.faults.world import pattern
from tests.real.tls import certificate

FLOOD = pattern(20_000_000)


@implementer(IHalfCloseableProtocol)
class Half(Told):
    """Stays when one half of its connection is closed."""

    def readConnectionLost(self) -> None:
        self.fault.halved.callback(None)

    def writeConnectionLost(self) -> None:
        pass


class NeverReads(Accepted):
    """20 MB are under way to a peer that does not read."""

    reads = False
    receive_buffer = 4096

    def begin(self, protocol: Any) -> None:
        self.expected = FLOOD
        protocol.transport.write(FLOOD)

    def behave(self, client: Any) -> None:
        client.sendall(b"go")


class NeverAnswersCloseNotify(NeverReads):
    """The connection was told to close long ago."""

    def begin(self, protocol: Any) -> None:
        protocol.transport.loseConnection()


class HalfClosedByPeer(Accepted):
    """The peer says nothing more, and listens."""

    protocol = Half

    def begin(self, protocol: Any) -> Deferred[None]:
        self.halved: Deferred[None] = Deferred()
        return self.halved

    def behave(self, client: Any) -> None:
        client.sendall(b"go")
        client.shutdown(socket.SHUT_WR)
        self.read(client)


class HalfClosedByUs(Accepted):
    """We say nothing more, and listen."""

    protocol = Half

    def begin(self, protocol: Any) -> None:
        protocol.transport.loseWriteConnection()

    def behave(self, client: Any) -> None:
        client.sendall(b"go")  # and does not close when it hears that there is no more


class Paused(Accepted):
    """The transport is paused."""

    def begin(self, protocol: Any) -> None:
        protocol.transport.pauseProducing()


class StartTLS(Accepted):
    """We began TLS in mid-connection; the peer does not answer."""

    def begin(self, protocol: Any) -> None:
        protocol.transport.startTLS(certificate().options())

    def behave(self, client: Any) -> None:
        client.sendall(b"go")


class Unsent(Accepted):
    """20 MB are under way to a peer that begins to read when the program is told to end."""

    def begin(self, protocol: Any) -> None:
        self.expected = FLOOD
        protocol.transport.write(FLOOD)

    def read(self, client: Any) -> None:
        self.world.stopping.wait()
        super().read(client)


class UnreadBody(Made):
    """An answer of which nobody reads the body."""

    def open(self) -> None:
        from tests.real.faults.web import request

        request(self)

    def behave(self, client: Any) -> None:
        client.recv(65536)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n")
        try:
            client.sendall(FLOOD)
        except OSError:
            pass
