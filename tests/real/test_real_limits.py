"""``maxConnections`` and ``limit_connections`` on real sockets."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.protocol import Factory
from twisted.internet.threads import deferToThread

from tests.real.children import close_with_reset, connect
from tests.real.test_real_mixins import Line, Lines, MixinCase
from tests.real.tls import certificate, client_side
from txresource import limit_connections


class LimitTests(MixinCase):
    """A limit on real sockets."""

    @inlineCallbacks
    def check(self, factory: Any, tls: bool) -> Any:
        limit_connections(factory, 3)
        if tls:
            port = reactor.listenSSL(0, factory, certificate().options(), interface="127.0.0.1")
        else:
            port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.scope.own(factory)
        self.scope.own(port)
        clients = []

        def attempt() -> Any:
            try:
                client = connect(port.getHost().port)
            except ConnectionResetError:  # it is that quick
                return b"", None
            self.addCleanup(close_with_reset, client)
            return self.talk(client, tls)

        for _ in range(3):
            answer, client = yield deferToThread(attempt)
            self.assertEqual(answer, b"hello")
            clients.append(client)
        for _ in range(2):
            answer, _client = yield deferToThread(attempt)
            self.assertEqual(answer, b"")
        for client in clients:  # unharmed
            client.sendall(b"again")
            self.assertEqual((yield deferToThread(client.recv, 100)), b"again")
        gone = factory.live[1].ended
        clients[1].close()
        yield gone
        answer, client = yield deferToThread(attempt)
        self.assertEqual(answer, b"hello")
        for each in (clients[0], clients[2], client):
            each.close()
        for line in factory.live:
            yield line.ended

    def talk(self, client: socket.socket, tls: bool) -> Any:
        """Say hello; what is answered, and the client."""
        try:
            client = client_side(client) if tls else client
            client.sendall(b"hello")
            return client.recv(100), client
        except OSError:
            return b"", client

    def test_managed(self) -> Any:
        """The fourth is closed at once; the three are unharmed; one that ends makes room."""
        return self.check(Lines(), tls=False)

    def test_managed_with_tls(self) -> Any:
        """The same with TLS in front of it."""
        return self.check(Lines(), tls=True)

    def test_unowned(self) -> Any:
        """The same for a factory without the mixin."""
        factory: Any = type("Plain", (Factory,), {"noisy": False, "protocol": Line})()
        factory.live = []
        return self.check(factory, tls=False)
