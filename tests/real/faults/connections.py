"""Connections, accepted and made, with peers that run in threads."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.internet.ssl import CertificateOptions

from tests.real.children import connect, read_to_end
from tests.real.faults.world import Fault
from tests.real.tls import certificate, client_side, server_side


class Told(Protocol):
    """Tells its fault what happens."""

    losses = 0
    fault: Any

    def connectionMade(self) -> None:
        self.at_bottom = self.transport
        while hasattr(self.at_bottom, "wrappedProtocol"):
            self.at_bottom = self.at_bottom.transport
        self.fault.made.append(self)
        self.fault.connected(self)

    def dataReceived(self, data: bytes) -> None:
        self.fault.heard(self)

    def connectionLost(self, reason: Any = None) -> None:
        self.losses += 1


class ToldFactory(ClientFactory):
    """Builds them."""

    noisy = False

    def __init__(self, fault: Any, protocol: Any) -> None:
        self.fault = fault
        self.protocol = protocol

    def buildProtocol(self, address: Any) -> Any:
        protocol = super().buildProtocol(address)
        protocol.fault = self.fault
        return protocol


class Accepted(Fault):
    """
    A connection that the program accepted; its peer says "go", and what it does then is the fault.
    """

    protocol: type = Told
    receive_buffer: int | None = None

    def arm(self) -> Deferred[Any]:
        self.armed: Deferred[Any] = Deferred()
        factory = ToldFactory(self, self.protocol_class())
        if self.world.tls:
            options = certificate().options()
            port = self.reactor.listenSSL(0, factory, options, interface="127.0.0.1")
        else:
            port = self.reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.listens(port)
        self.world.run_peer(self.peer, port.getHost().port)
        return self.armed

    def protocol_class(self) -> type:
        return self.protocol

    def listens(self, port: Any) -> None:
        """The port is there."""

    def peer(self, port: int) -> None:
        client = self.world.keep(connect(port, self.receive_buffer))
        if self.world.tls and not self.silent():
            client = self.world.keep(client_side(client))
        self.behave(client)

    def silent(self) -> bool:
        """Whether the peer does not even answer the handshake."""
        return False

    def behave(self, client: Any) -> None:
        """Be the peer: as a rule one that reads all to the end."""
        client.sendall(b"go")
        self.read(client)
        client.close()

    def read(self, client: Any) -> None:
        """Read to the end, or to the reset."""
        parts = []
        try:
            while part := client.recv(1 << 18):
                parts.append(part)
        except OSError:
            pass
        self.received += b"".join(parts)

    def connected(self, protocol: Any) -> None:
        """The connection is there."""

    def heard(self, protocol: Any) -> None:
        if not self.armed.called:
            maybeDeferred(self.begin, protocol).chainDeferred(self.armed)

    def begin(self, protocol: Any) -> Deferred[Any] | None:
        """Bring the fault about."""


class Idle(Accepted):
    """A connection like any other, which must not suffer from the faults beside it."""


class Made(Fault):
    """A connection that the program made, to a peer that reads all to the end."""

    protocol: type = Told
    factory: type = ToldFactory

    def prepare(self) -> None:
        self.connectors: list[Any] = []

    def arm(self) -> Deferred[Any]:
        self.armed: Deferred[Any] = Deferred()
        self.address = self.listen().getsockname()
        self.open()
        return self.armed

    def transports(self) -> list[Any]:
        """Those of attempts that never came to anything, as well."""
        return super().transports() + [
            getattr(connector, "transport", None) for connector in self.connectors
        ]

    def listen(self) -> Any:
        listener = self.world.keep(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        self.world.run_peer(self.accept, listener)
        return listener

    def accept(self, listener: Any) -> None:
        while True:
            try:
                client = self.world.keep(listener.accept()[0])
                if self.world.tls:
                    client = self.world.keep(server_side(client))
                self.world.run_peer(self.behave, client)
            except OSError:
                return

    def behave(self, client: Any) -> None:
        read_to_end(client)
        client.close()

    def open(self) -> None:
        """Connect."""
        factory = self.world.managed(self.factory)(self, self.world.managed(self.protocol))
        host, port = self.address
        if self.world.tls:
            connector = self.reactor.connectSSL(host, port, factory, CertificateOptions())
        else:
            connector = self.reactor.connectTCP(host, port, factory)
        self.connectors.append(connector)

    def connected(self, protocol: Any) -> None:
        if not self.armed.called:
            # A turn later: connectionMade is still running.
            self.reactor.callLater(0, self.armed.callback, None)

    def heard(self, protocol: Any) -> None:
        """The peer said something."""
