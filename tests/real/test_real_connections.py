"""Connections in every state that outlives a loseConnection, closed by the tree."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks
from twisted.internet.endpoints import UNIXServerEndpoint, serverFromString
from twisted.internet.interfaces import IHalfCloseableProtocol, IPullProducer, IPushProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread
from twisted.protocols.policies import TimeoutFactory
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from tests.real.children import close_with_reset, connect
from tests.real.tls import certificate, client_side
from txresource import ManagedFactoryMixin, ManagedProtocolMixin, Scope
from txresource.intercept import hook_listening, unhook_listening
from txresource.root import root_node

GRACE = 0.3
FLOOD = b"x" * 30_000_000


@implementer(IPushProducer, IPullProducer)
class Stubborn:
    """A producer that is never done."""

    def resumeProducing(self) -> None:
        pass

    pauseProducing = stopProducing = resumeProducing


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

    def made(self, protocol: Any) -> None:
        connected, self.connected = self.connected, Deferred()
        connected.callback(protocol)


class ManagedToldFactory(ManagedFactoryMixin, ToldFactory):
    """With the mixin."""


def nothing(protocol: Any) -> None:
    pass


def paused(protocol: Any) -> None:
    protocol.transport.pauseProducing()


def flooded(protocol: Any) -> None:
    protocol.transport.write(FLOOD)


def paused_and_flooded(protocol: Any) -> None:
    paused(protocol)
    flooded(protocol)


def streaming(protocol: Any) -> None:
    protocol.transport.registerProducer(Stubborn(), True)
    flooded(protocol)


def pulling(protocol: Any) -> None:
    protocol.transport.registerProducer(Stubborn(), False)


STATES: tuple[Callable[[Any], None], ...] = (
    nothing,
    paused,
    flooded,
    paused_and_flooded,
    streaming,
    pulling,
)


class ConnectionsTestCase(TestCase):
    """Opens servers and rude clients, and looks that nothing of it is left."""

    def setUp(self) -> None:
        self.clients: list[socket.socket] = []

        def hang_up() -> None:
            for client in self.clients:
                close_with_reset(client)

        self.addCleanup(hang_up)
        self.addCleanup(lambda: self.assertFalse(root_node(reactor).children))

    def open(self, port: int) -> socket.socket:
        client = connect(port, receive_buffer=4096)
        self.clients.append(client)
        return client

    @inlineCallbacks
    def serve(self, scope: Scope, factory: Any, tls: bool = False) -> Any:
        if tls:
            port = reactor.listenSSL(0, factory, certificate().options(), interface="127.0.0.1")
        else:
            port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        scope.own(port)
        connected = factory.connected
        client = self.open(port.getHost().port)
        if tls:
            wrapped = yield deferToThread(client_side, client)
            self.clients.append(wrapped)
        protocol = yield connected
        return protocol


class StuckTests(ConnectionsTestCase):
    """Every state, TCP and TLS, by the mixins and by ``own(factory)``."""

    @inlineCallbacks
    def check(self, tls: bool, make_factory: Callable[[], Any], owned: bool) -> Any:
        scope = Scope(reactor, "server", grace=GRACE)
        protocols = []
        for state in STATES:
            factory = make_factory()
            if owned:
                scope.own(factory)
            protocol = yield self.serve(scope, factory, tls)
            state(protocol)
            protocols.append(protocol)
        if not owned:  # the mixin's factories hang under the root
            for protocol in protocols:
                scope.own(protocol.factory)
        yield scope.close()
        yield DeferredList([protocol.gone for protocol in protocols])
        self.assertEqual([protocol.losses for protocol in protocols], [1] * len(STATES))

    def test_tcp_by_mixins(self) -> Any:
        """Each protocol hears the end once."""
        return self.check(False, lambda: ManagedToldFactory(ManagedTold), owned=False)

    def test_tls_by_mixins(self) -> Any:
        """Each protocol hears the end once."""
        return self.check(True, lambda: ManagedToldFactory(ManagedTold), owned=False)

    def test_tcp_by_ownership(self) -> Any:
        """Each protocol hears the end once."""
        return self.check(False, lambda: ToldFactory(Told), owned=True)

    def test_tls_by_ownership(self) -> Any:
        """Each protocol hears the end once."""
        return self.check(True, lambda: ToldFactory(Told), owned=True)

    @inlineCallbacks
    def test_plain_loseConnection_is_not_enough(self) -> Any:
        """The same states without the tree: some are still there when the grace is over."""
        protocols = []
        for tls in (False, True):
            for state in STATES:
                factory = ToldFactory(Told)
                holder = Scope(reactor, "port alone", grace=GRACE)
                protocol = yield self.serve(holder, factory, tls)
                state(protocol)
                protocols.append(protocol)
                yield holder.close()  # the port; nothing owns the connection
        for protocol in protocols:
            protocol.transport.loseConnection()
        ended: Deferred[None] = Deferred()
        reactor.callLater(GRACE + 1.5, ended.callback, None)
        yield ended
        stuck = [protocol for protocol in protocols if not protocol.losses]
        self.assertGreaterEqual(len(stuck), 6)
        for protocol in stuck:
            protocol.transport.abortConnection()
        yield DeferredList([protocol.gone for protocol in stuck])


class OtherListenersTests(ConnectionsTestCase):
    """Half-closed connections, wrappers, UNIX sockets, handshakes that never come."""

    @inlineCallbacks
    def test_half_closed(self) -> Any:
        """A connection that left the reactor's sight when the peer half-closed is closed."""
        scope = Scope(reactor, "server", grace=GRACE)
        factory = scope.own(ManagedToldFactory(ToldManaged))
        protocol = yield self.serve(scope, factory)
        self.clients[0].shutdown(socket.SHUT_WR)
        yield factory.halved
        yield scope.close()
        self.assertEqual(protocol.losses, 1)

    @inlineCallbacks
    def test_a_handshake_that_never_comes(self) -> Any:
        """A TLS peer that says nothing is aborted at the deadline."""
        scope = Scope(reactor, "server", grace=GRACE)
        factory = scope.own(ToldFactory(Told))
        port = reactor.listenSSL(0, factory, certificate().options(), interface="127.0.0.1")
        scope.own(port)
        connected = factory.connected
        self.open(port.getHost().port)
        protocol = yield connected
        protocol.transport.write(b"too early")
        yield scope.close()
        self.assertEqual(protocol.losses, 1)

    @inlineCallbacks
    def test_wrapped_factories(self) -> Any:
        """Behind a wrapping factory the innermost protocol hears the end."""
        scope = Scope(reactor, "server", grace=GRACE)
        factory = ToldFactory(Told)
        wrapper = scope.own(TimeoutFactory(factory, 60))
        wrapper.connected = factory.connected
        wrapper.noisy = False
        protocol = yield self.serve(scope, wrapper)
        paused(protocol)
        yield scope.close()
        self.assertEqual(protocol.losses, 1)

    @inlineCallbacks
    def test_unix_sockets(self) -> Any:
        """A connection over a UNIX socket is closed like another."""
        scope = Scope(reactor, "server", grace=GRACE)
        factory = scope.own(ToldFactory(Told))
        path = os.path.join("/tmp", f"txresource-{os.getpid()}.sock")
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        scope.own((yield UNIXServerEndpoint(reactor, path).listen(factory)))
        connected = factory.connected
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(path)
        protocol = yield connected
        paused(protocol)
        yield scope.close()
        self.assertEqual(protocol.losses, 1)


class InterceptedTests(ConnectionsTestCase):
    """Listeners that nobody owned by hand."""

    def setUp(self) -> None:
        super().setUp()
        hook_listening(reactor)
        self.addCleanup(unhook_listening, reactor)

    @inlineCallbacks
    def check(self, listen: Callable[[Any], Any], tls: bool = False) -> Any:
        factory = ToldFactory(Told)
        port = yield listen(factory)
        node = next(reversed(root_node(reactor).children))
        connected = factory.connected
        client = self.open(port.getHost().port)
        if tls:
            self.clients.append((yield deferToThread(client_side, client)))
        protocol = yield connected
        paused(protocol)
        self.assertEqual([child.kind for child in node.view().children], ["port", "connection"])
        yield Scope._of(node).close(GRACE)
        self.assertEqual(protocol.losses, 1)

    def test_tcp(self) -> Any:
        """``listenTCP``."""
        return self.check(lambda f: reactor.listenTCP(0, f, interface="127.0.0.1"))

    def test_ssl(self) -> Any:
        """``listenSSL`` ends in ``listenTCP``: the port is in the tree once."""
        options = certificate().options()
        return self.check(
            lambda f: reactor.listenSSL(0, f, options, interface="127.0.0.1"), tls=True
        )

    def test_endpoint(self) -> Any:
        """An endpoint from a string."""
        return self.check(
            lambda f: serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(f)
        )

    @inlineCallbacks
    def test_unix(self) -> Any:
        """``listenUNIX``."""
        factory = ToldFactory(Told)
        path = os.path.join("/tmp", f"txresource-{os.getpid()}-hooked.sock")
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        reactor.listenUNIX(path, factory)
        node = next(iter(root_node(reactor).children))
        connected = factory.connected
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(path)
        protocol = yield connected
        paused(protocol)
        yield Scope._of(node).close(GRACE)
        self.assertEqual(protocol.losses, 1)

    def test_adopted(self) -> Any:
        """A listening socket that was handed over."""
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        listener.setblocking(False)
        return self.check(lambda f: reactor.adoptStreamPort(listener.fileno(), socket.AF_INET, f))

    @inlineCallbacks
    def test_a_factory_that_listens_twice(self) -> Any:
        """One factory, two ports: one node, and each connection in it once."""
        factory = ToldFactory(Told)
        ports = [reactor.listenTCP(0, factory, interface="127.0.0.1") for _ in range(2)]
        self.assertEqual(len(root_node(reactor).children), 1)
        node = next(iter(root_node(reactor).children))
        for port in ports:
            connected = factory.connected
            self.open(port.getHost().port)
            yield connected
        kinds = sorted(child.kind for child in node.view().children)
        self.assertEqual(kinds, ["connection", "connection", "port", "port"])
        yield Scope._of(node).close(GRACE)

    @inlineCallbacks
    def test_a_mixins_connection_is_owned_once(self) -> Any:
        """The hook around the reactor and the mixin agree on one node, the mixin's."""
        factory = ManagedToldFactory(ManagedTold)
        wrapper = TimeoutFactory(factory, 60)
        wrapper.noisy = False
        port = reactor.listenTCP(0, wrapper, interface="127.0.0.1")
        connected = factory.connected
        self.open(port.getHost().port)
        yield connected
        self.assertEqual([live.state for live in factory.liveConnections], ["open"])
        connections = [
            child
            for node in root_node(reactor).children
            for child in node.children
            if child.closer.kind == "connection"
        ]
        self.assertEqual(len(connections), 1)
        for node in tuple(root_node(reactor).children):
            yield Scope._of(node).close(GRACE)

    @inlineCallbacks
    def test_a_port_that_cannot_be_had(self) -> Any:
        """A port that is taken leaves nothing in the tree; the error is Twisted's own."""
        from twisted.internet.error import CannotListenError

        port = reactor.listenTCP(0, ToldFactory(Told), interface="127.0.0.1")
        with self.assertRaises(CannotListenError):
            reactor.listenTCP(port.getHost().port, ToldFactory(Told), interface="127.0.0.1")
        self.assertEqual(len(root_node(reactor).children), 1)
        yield port.stopListening()
