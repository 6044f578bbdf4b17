"""Servers of which each protocol tells of its end, rude clients, and ways to end a server."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from typing import Any

from twisted.internet import reactor, tcp
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IListeningPort,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from tests.real.children import close_with_reset, connect
from tests.real.tls import certificate, client_side
from txresource import ManagedFactoryMixin, ManagedProtocolMixin, Scope
from txresource.closers.network import raw_transport
from txresource.root import root_node

GRACE = 0.3


class Told(Protocol):
    """Tells its factory when it is made and how often it is lost."""

    def connectionMade(self) -> None:
        self.losses = 0
        self.gone: Deferred[None] = Deferred()
        self.factory.made(self)

    def connectionLost(self, reason: Any = None) -> None:
        self.losses += 1
        if self.losses == 1:
            self.gone.callback(None)


@implementer(IHalfCloseableProtocol)
class HalfTold(Told):
    """Stays when the peer has said its last word."""

    def readConnectionLost(self) -> None:
        self.factory.halved.callback(None)

    def writeConnectionLost(self) -> None:
        pass


class ManagedTold(ManagedProtocolMixin, Told):
    """With the mixin in front."""


class ToldManaged(HalfTold, ManagedProtocolMixin):
    """With the mixin at the end."""


class ToldFactory(Factory):
    """Hands out each protocol when it is connected."""

    noisy = False

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.connected: Deferred[Any] = Deferred()
        self.halved: Deferred[None] = Deferred()
        self.protocols: list[Any] = []

    def made(self, protocol: Any) -> None:
        self.protocols.append(protocol)
        connected, self.connected = self.connected, Deferred()
        connected.callback(protocol)


class ManagedToldFactory(ManagedFactoryMixin, ToldFactory):
    """With the mixin."""


def paused(protocol: Any) -> None:
    """Read nothing."""
    protocol.transport.pauseProducing()


class Plain:
    """
    Ends a server as Twisted itself does when the reactor stops: the ports are told, and then
    whatever the reactor reads from or writes to.
    """

    def __init__(self) -> None:
        self.things: list[Any] = []

    def own(self, thing: Any) -> Any:
        self.things.append(thing)
        return thing

    @inlineCallbacks
    def close(self, grace: float = 0.0) -> Any:
        for thing in self.things:
            if IListeningPort.providedBy(thing):
                yield thing.stopListening()
        yield self.end_connections()

    def end_connections(self) -> Any:
        for selectable in {*reactor.getReaders(), *reactor.getWriters()}:
            if isinstance(selectable, tcp.Connection):
                selectable.connectionLost(Failure(ConnectionLost()))


class Losing(Plain):
    """Tells the connections of the factories to go, and waits as long as a scope would."""

    def end_connections(self) -> Any:
        for thing in self.things:
            for protocol in getattr(thing, "protocols", ()):
                protocol.transport.loseConnection()
        return deferLater(reactor, GRACE + 1.5, lambda: None)


class ConnectionsTestCase(TestCase):
    """Opens servers and rude clients, and looks that nothing of it is left."""

    def setUp(self) -> None:
        self.clients: list[socket.socket] = []

        def hang_up() -> None:
            for client in self.clients:
                close_with_reset(client)

        self.addCleanup(hang_up)
        self.addCleanup(lambda: self.assertFalse(root_node(reactor).children))

    def path(self) -> str:
        """The path of a UNIX socket; a short one, they have a limit."""
        folder = tempfile.mkdtemp(dir="/tmp")
        self.addCleanup(shutil.rmtree, folder)
        return os.path.join(folder, "socket")

    def open(self, port: Any) -> socket.socket:
        host = port.getHost()
        if isinstance(host, UNIXAddress):
            client = socket.socket(socket.AF_UNIX)
            client.connect(host.name)
        else:
            client = connect(host.port, receive_buffer=4096)
        self.clients.append(client)
        return client

    @inlineCallbacks
    def accepted(self, port: Any, factory: Any, tls: bool = False) -> Any:
        """Connect; the protocol at the server's end."""
        connected = factory.connected
        client = self.open(port)
        if tls:
            self.clients.append((yield deferToThread(client_side, client)))
        protocol = yield connected
        return protocol

    @inlineCallbacks
    def out_of_sight(self, protocol: Any) -> Any:
        """Pause a connection, and wait until the reactor neither reads from nor writes to it."""
        paused(protocol)
        raw = raw_transport(protocol.transport)
        while raw in reactor.getReaders() or raw in reactor.getWriters():
            yield deferLater(reactor, 0.01, lambda: None)

    @inlineCallbacks
    def check_closed(self, owner: Any, protocol: Any) -> Any:
        """A scope that closes loses the connection; without one it is still there."""
        yield owner.close(GRACE)
        self.assertEqual(protocol.losses, int(isinstance(owner, Scope)))
        if not protocol.losses:
            raw_transport(protocol.transport).abortConnection()
            yield protocol.gone

    @inlineCallbacks
    def serve(self, scope: Any, factory: Any, tls: bool = False) -> Any:
        if tls:
            port = reactor.listenSSL(0, factory, certificate().options(), interface="127.0.0.1")
        else:
            port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        scope.own(port)
        protocol = yield self.accepted(port, factory, tls)
        return protocol
