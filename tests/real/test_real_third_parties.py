"""Servers of other makers, as they are: Klein and Autobahn; beside each its plain twin."""

from __future__ import annotations

import socket
from typing import Any

from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from klein import Klein
from twisted.internet import reactor, ssl
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.real.children import close_with_reset, connect, read_to_end
from tests.real.tls import certificate
from txresource import ManagedProtocolMixin, Scope
from txresource.root import root_node

LAST_CHUNK = b"0\r\n\r\n"
ASK = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"


def read_answer(client: socket.socket) -> bytes:
    """An answer that does not end the connection."""
    received = b""
    while not received.endswith(LAST_CHUNK):
        data = client.recv(65536)
        if not data:
            break
        received += data
    return received


class ThirdPartyCase(TestCase):
    """A scope with time to spare, of which nothing is left at the end."""

    def setUp(self) -> None:
        self.scope = Scope(reactor, "server", grace=30)
        self.addCleanup(lambda: self.assertFalse(root_node(reactor).children))
        self.addCleanup(self.scope.close, 0)

    def client(self, port: Any) -> socket.socket:
        client = connect(port.getHost().port)
        self.addCleanup(close_with_reset, client)
        return client

    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """What was closed, and what was aborted."""
        run = self.scope._node.run
        assert run is not None
        return dict(run.outcome.closed), dict(run.outcome.aborted)


class KleinTests(ThirdPartyCase):
    """A Klein application in a ``Site``."""

    def serve(self) -> tuple[Site, Any]:
        app = Klein()
        self.held: Deferred[bytes] = Deferred()
        self.asked: Deferred[None] = Deferred()

        @app.route("/held")
        def held(request: Any) -> Deferred[bytes]:
            self.asked.callback(None)
            return self.held

        @app.route("/fast")
        def fast(request: Any) -> bytes:
            return b"fast"

        site = Site(app.resource())
        site.noisy = False
        return site, reactor.listenTCP(0, site, interface="127.0.0.1")

    @inlineCallbacks
    def test_in_care(self) -> Any:
        """What is under way or in the backlog is answered whole; what is idle is closed."""
        site, port = self.serve()
        self.scope.own(site)
        self.scope.own(port)
        idle, held = self.client(port), self.client(port)
        idle.sendall(ASK % b"fast")
        self.assertIn(b"fast\r\n", (yield deferToThread(read_answer, idle)))
        held.sendall(ASK % b"held")
        yield self.asked
        waiting = self.client(port)
        waiting.sendall(ASK % b"fast")
        closed = self.scope.close()
        answer = yield deferToThread(read_to_end, waiting)
        self.assertIn(b"onnection: close\r\n", answer)
        self.assertTrue(answer.endswith(b"fast\r\n" + LAST_CHUNK), answer)
        self.assertEqual((yield deferToThread(read_to_end, idle)), b"")
        self.held.callback(b"whole")
        answer = yield deferToThread(read_to_end, held)
        self.assertTrue(answer.endswith(b"whole\r\n" + LAST_CHUNK), answer)
        yield closed
        self.assertEqual(self.counts(), ({"connection": 3, "port": 1}, {}))

    @inlineCallbacks
    def test_plain(self) -> Any:
        """Plain: when the port has stopped, an idle connection is served on and on."""
        _, port = self.serve()
        idle = self.client(port)
        idle.sendall(ASK % b"fast")
        yield deferToThread(read_answer, idle)
        yield port.stopListening()
        idle.sendall(ASK % b"fast")
        self.assertIn(b"fast\r\n", (yield deferToThread(read_answer, idle)))
        for transport in reactor.removeAll():
            transport.abortConnection()
        yield deferToThread(read_to_end, idle)


class Ears:
    """Tells how a WebSocket ended."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: Deferred[Any] = Deferred()
        self.closed: Deferred[tuple[bool, int, str]] = Deferred()

    def onOpen(self) -> None:
        self.opened.callback(self)

    def onClose(self, clean: bool, code: int, reason: str) -> None:
        self.closed.callback((clean, code, reason))


class Server(Ears, WebSocketServerProtocol):
    """A server that says nothing."""


class ManagedServer(ManagedProtocolMixin, Server):
    """The same, with the mixin."""


class Client(Ears, WebSocketClientProtocol):
    """A client that says nothing."""


class AutobahnTests(ThirdPartyCase):
    """An Autobahn WebSocket, by itself and below a ``Site``."""

    def listen(self, factory: Any, tls: bool) -> Any:
        if tls:
            return reactor.listenSSL(0, factory, certificate().options(), interface="127.0.0.1")
        return reactor.listenTCP(0, factory, interface="127.0.0.1")

    @inlineCallbacks
    def connect(
        self, tls: bool, site: bool = False, protocol: type = Server, owned: bool = True
    ) -> Any:
        """Connect a client; the two ends, and the port."""
        server: Deferred[Any] = Deferred()

        def build() -> Any:
            made = protocol()
            made.opened.chainDeferred(server)
            return made

        factory: Any = WebSocketServerFactory()
        factory.protocol = build
        listening = factory
        if site:
            factory.startFactory()
            root = Resource()
            root.putChild(b"ws", WebSocketResource(factory))
            listening = Site(root)
            listening.noisy = False
        port = self.listen(listening, tls)
        if owned:
            self.scope.own(listening)
            self.scope.own(port)
        number = port.getHost().port
        clients: Any = WebSocketClientFactory(f"{'wss' if tls else 'ws'}://localhost:{number}/ws")
        clients.noisy = False
        client = Client()
        clients.buildProtocol = lambda address: setattr(client, "factory", clients) or client
        if tls:
            reactor.connectSSL("127.0.0.1", number, clients, ssl.CertificateOptions())
        else:
            reactor.connectTCP("127.0.0.1", number, clients)
        yield client.opened
        return (yield server), client, port

    @inlineCallbacks
    def check(self, *args: Any, **kwargs: Any) -> Any:
        server, client, _ = yield self.connect(*args, **kwargs)
        closed = self.scope.close()
        ended = yield client.closed
        self.assertEqual(ended, (True, 1001, "going away"))
        clean, *_ = yield server.closed
        self.assertTrue(clean)
        yield closed
        self.assertEqual(self.counts(), ({"connection": 1, "port": 1}, {}))

    def test_tcp(self) -> Any:
        """The client hears 1001, answers, and the connection ends."""
        return self.check(tls=False)

    def test_tls(self) -> Any:
        """The same over TLS."""
        return self.check(tls=True)

    def test_mixin(self) -> Any:
        """The same where the protocol has the mixin."""
        return self.check(tls=False, protocol=ManagedServer)

    def test_in_a_site(self) -> Any:
        """The same where it has taken over a connection of a ``Site``."""
        return self.check(tls=False, site=True)

    def test_in_a_site_with_tls(self) -> Any:
        """The same over TLS."""
        return self.check(tls=True, site=True)

    @inlineCallbacks
    def test_plain(self) -> Any:
        """Plain: the client hears nothing, and calls the end unclean."""
        server, client, port = yield self.connect(tls=False, owned=False)
        yield port.stopListening()
        server.transport.loseConnection()
        clean, code, _ = yield client.closed
        self.assertEqual((clean, code), (False, 1006))
        yield server.closed

    @inlineCallbacks
    def test_silent_peer(self) -> Any:
        """A peer that does not answer the close frame is let go all the same."""
        factory: Any = WebSocketServerFactory()
        factory.protocol = Server
        factory.setProtocolOptions(closeHandshakeTimeout=0)  # Autobahn would wait for ever
        port = self.listen(factory, tls=False)
        self.scope.own(factory)
        self.scope.own(port)
        client = self.client(port)
        client.sendall(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n\r\n"
        )
        yield deferToThread(client.recv, 4096)
        closed = self.scope.close(0.5)
        said = yield deferToThread(read_to_end, client)
        self.assertTrue(said.endswith(b"\x03\xe9going away"), said)  # 1001
        yield closed

    @inlineCallbacks
    def test_half_way(self) -> Any:
        """A client that is half-way through the opening handshake holds nothing up."""
        factory: Any = WebSocketServerFactory()
        factory.protocol = Server
        port = self.listen(factory, tls=False)
        self.scope.own(factory)
        self.scope.own(port)
        client = self.client(port)
        client.sendall(b"GET /ws HTTP/1.1\r\n")
        closed = self.scope.close()
        self.assertEqual((yield deferToThread(read_to_end, client)), b"")
        yield closed
        self.assertEqual(self.counts(), ({"connection": 1, "port": 1}, {}))
