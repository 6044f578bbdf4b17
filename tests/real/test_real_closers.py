"""Real sockets, plain and TLS, in a scope; beside each claim its plain twin."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

from twisted.application.internet import ClientService
from twisted.internet import reactor, ssl
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.endpoints import (
    SSL4ClientEndpoint,
    TCP4ClientEndpoint,
    UNIXClientEndpoint,
)
from twisted.internet.protocol import (
    DatagramProtocol,
    Factory,
    Protocol,
    ReconnectingClientFactory,
)
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from tests.real.apart import apart
from tests.real.closer_case import PLAIN, CloserCase
from tests.real.tls import certificate
from txresource.closers.network import raw_transport
from txresource.errors import ResourceClosed

testSuite = apart(__name__)


class Answering(DatagramProtocol):
    """Answers each datagram."""

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.transport.write(b"answer", addr)


class Asking(DatagramProtocol):
    """Asks one question."""

    def __init__(self) -> None:
        self.answer: Deferred[bytes] = Deferred()

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.answer.callback(datagram)


class DatagramTests(CloserCase):
    """UDP sockets."""

    def asking(self) -> Any:
        """A port that can ask a server."""
        server = reactor.listenUDP(0, Answering(), interface="127.0.0.1")
        self.addCleanup(server.stopListening)
        self.address = ("127.0.0.1", server.getHost().port)
        return reactor.listenUDP(0, Asking(), interface="127.0.0.1")

    @inlineCallbacks
    def test_answer_in_flight(self) -> Any:
        """A question on its way when the close begins gets its answer; then the socket closes."""
        port = self.scope.own(self.asking())
        task = self.scope.start(port.protocol.answer)
        closed = self.scope.close()
        port.write(b"question", self.address)
        self.assertEqual((yield task), b"answer")
        yield closed
        self.assertFalse(hasattr(port, "socket"))

    @inlineCallbacks
    def test_plain_stop_is_deaf(self) -> Any:
        """Plain: a socket that is stopped with the ports can ask nothing more."""
        port = self.asking()
        closed = port.stopListening()
        port.write(b"question", self.address)
        yield closed
        yield deferLater(reactor, PLAIN, lambda: None)
        self.assertFalse(port.protocol.answer.called)
        self.assertRaises(AttributeError, port.write, b"question", self.address)


class Silent(Protocol):
    """Answers once, then hears and says nothing."""

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        self.transport.pauseProducing()
        self.factory.silent.append(self.transport)


class SilentServerCase(CloserCase):
    """With a TLS server that ignores the end of a connection."""

    def setUp(self) -> None:
        super().setUp()
        factory = Factory.forProtocol(Silent)
        factory.silent = self.silent = []  # type: ignore[attr-defined]
        options = certificate().options()
        port = reactor.listenSSL(0, factory, options, interface="127.0.0.1")
        self.port = port.getHost().port
        self.addCleanup(self.hang_up)
        self.addCleanup(port.stopListening)

    def hang_up(self) -> Any:
        while self.silent:
            raw_transport(self.silent.pop()).abortConnection()
        return deferLater(reactor, 0.01, lambda: None)

    def endpoint(self) -> Any:
        return SSL4ClientEndpoint(reactor, "127.0.0.1", self.port, ssl.CertificateOptions())


class Telling(Protocol):
    """A client that tells when it is answered and when it is lost."""

    def connectionMade(self) -> None:
        self.answered: Deferred[None] = Deferred()
        self.lost: Deferred[None] = Deferred()
        self.transport.write(b"question")

    def dataReceived(self, data: bytes) -> None:
        self.answered.callback(None)

    def connectionLost(self, reason: Any = None) -> None:
        self.lost.callback(None)


class LosingCase(CloserCase):
    """With clients that must be lost, or must not."""

    @inlineCallbacks
    def check_lost(self, client: Telling, lost: bool) -> Any:
        self.assertEqual(client.lost.called, lost)
        if not lost:
            client.transport.abortConnection()
            yield client.lost


class TransportTests(LosingCase, SilentServerCase):
    """``own(protocol.transport)`` and ``own(ClientService(…))`` over TLS."""

    @inlineCallbacks
    def silent_peer(self, end: Callable[[Any], Any], ends: bool) -> Any:
        client = yield self.endpoint().connect(Factory.forProtocol(Telling))
        yield client.answered
        yield end(client.transport)
        yield self.check_lost(client, ends)

    def test_silent_peer(self) -> Any:
        """A client's connection to a peer that does not let it go ends in time."""
        return self.silent_peer(self.own_and_close, True)

    def test_plain_loseConnection_is_not_enough(self) -> Any:
        """Plain: ``loseConnection`` is never over."""
        return self.silent_peer(self.lose, False)

    def serve(self) -> ClientService:
        service = ClientService(self.endpoint(), Factory.forProtocol(Telling))
        service.startService()
        return service

    @inlineCallbacks
    def test_client_service(self) -> Any:
        """A ``ClientService`` connected to such a peer stops in time."""
        service = self.scope.own(self.serve())
        client = yield service.whenConnected()
        yield client.answered
        yield self.close_in_time()
        self.assertTrue(client.lost.called)
        self.assertEqual(self.abandoned(), [])

    @inlineCallbacks
    def test_plain_client_service(self) -> Any:
        """Plain: its ``stopService`` is never over."""
        service = self.serve()
        client = yield service.whenConnected()
        yield client.answered
        stopped = service.stopService()
        yield deferLater(reactor, PLAIN, lambda: None)
        self.assertFalse(stopped.called)
        client.transport.abortConnection()
        yield stopped


class UNIXTests(LosingCase):
    """The same at a UNIX socket."""

    def test_full_pipe(self) -> Any:
        """A connection whose peer never reads what was written is aborted in time."""
        return self.full_pipe(self.own_and_close, True)

    def test_plain_full_pipe(self) -> Any:
        """Plain: ``loseConnection`` is never over."""
        return self.full_pipe(self.lose, False)

    @inlineCallbacks
    def full_pipe(self, end: Callable[[Any], Any], ends: bool) -> Any:
        path = os.path.join(tempfile.mkdtemp(), "socket")  # a short name: they have a limit
        self.addCleanup(shutil.rmtree, os.path.dirname(path))
        server: Deferred[Any] = Deferred()
        factory = Factory()
        factory.buildProtocol = lambda addr: Paused(server)  # type: ignore[method-assign]
        port = reactor.listenUNIX(path, factory)
        self.addCleanup(port.stopListening)
        endpoint = UNIXClientEndpoint(reactor, path)
        client = yield endpoint.connect(Factory.forProtocol(Telling))
        peer = yield server
        client.transport.write(b"x" * 10_000_000)
        yield end(client.transport)
        yield self.check_lost(client, ends)
        peer.transport.abortConnection()
        yield peer.lost


class Paused(Protocol):
    """Reads nothing."""

    def __init__(self, made: Deferred[Any]) -> None:
        self.made = made
        self.lost: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self.transport.pauseProducing()
        self.made.callback(self)

    def connectionLost(self, reason: Any = None) -> None:
        self.lost.callback(None)


class CountingFactory(Factory):
    """Counts the connections it is asked for."""

    protocol = Protocol
    asked = 0

    def buildProtocol(self, addr: Any) -> Any:
        self.asked += 1
        return super().buildProtocol(addr)


class ReentrantTests(CloserCase):
    """What a ``ClientService`` and a reconnecting factory do at the wrong moment."""

    def setUp(self) -> None:
        super().setUp()
        self.server = CountingFactory()
        port = reactor.listenTCP(0, self.server, interface="127.0.0.1")
        self.port = port.getHost().port
        self.addCleanup(port.stopListening)

    def serve(self) -> ClientService:
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.port)
        service = ClientService(endpoint, Factory.forProtocol(Protocol))
        service.startService()
        return service

    def test_closed_when_connected(self) -> Any:
        """A coroutine may close the scope of a service as soon as that is connected."""
        service = self.scope.own(self.serve())

        async def use() -> None:
            await service.whenConnected()
            await self.scope.close()

        return Deferred.fromCoroutine(use())

    @inlineCallbacks
    def test_plain_when_connected(self) -> Any:
        """Plain: newer releases of Twisted raise when the service is stopped there."""
        service = self.serve()

        async def use() -> None:
            await service.whenConnected()
            await service.stopService()

        try:
            yield Deferred.fromCoroutine(use())
        except RuntimeError:
            yield deferLater(reactor, 0, service.stopService)
        else:
            raise SkipTest("this release of Twisted lets a service be stopped by its own callback")

    @inlineCallbacks
    def reconnecting(self) -> Any:
        """A connector that reconnects, and is connected."""
        factory = ReconnectingClientFactory()
        factory.protocol = Telling
        factory.initialDelay = factory.maxDelay = 0.01
        connector = reactor.connectTCP("127.0.0.1", self.port, factory)
        while not self.server.asked or connector.state != "connected":
            yield deferLater(reactor, 0.01, lambda: None)
        return connector

    @inlineCallbacks
    def test_reconnecting(self) -> Any:
        """A connector that reconnects does so no more when its scope has closed."""
        connector = yield self.reconnecting()
        yield self.own_and_close(connector)
        asked = self.server.asked
        yield deferLater(reactor, 0.2, lambda: None)
        self.assertEqual(self.server.asked, asked)

    @inlineCallbacks
    def test_plain_reconnecting(self) -> Any:
        """Plain: a connector that is told to disconnect connects again."""
        connector = yield self.reconnecting()
        asked = self.server.asked
        connector.disconnect()
        while self.server.asked == asked or connector.state != "connected":
            yield deferLater(reactor, 0.01, lambda: None)
        connector.factory.stopTrying()
        yield self.own_and_close(connector)


@implementer(IAgentEndpointFactory)
class HTTPTests(SilentServerCase):
    """``own(HTTPConnectionPool(reactor))`` and a silent TLS server."""

    def endpointForURI(self, uri: Any) -> Any:
        return self.endpoint()

    @inlineCallbacks
    def answered(self, pool: Any) -> Any:
        """A connection of the pool is idle."""
        agent = Agent.usingEndpointFactory(reactor, self, pool)
        yield agent.request(b"GET", b"https://localhost/")
        yield deferLater(reactor, 0, lambda: None)

    @inlineCallbacks
    def test_silent_peer(self) -> Any:
        """The pool is closed in time, and refuses what comes later."""
        pool = self.scope.own(HTTPConnectionPool(reactor))
        yield self.answered(pool)
        yield self.close_in_time()
        yield self.assertFailure(self.answered(pool), ResourceClosed)

    @inlineCallbacks
    def test_plain_close_is_not_enough(self) -> Any:
        """Plain: the pool's own close is never over, nor is it closed."""
        pool = HTTPConnectionPool(reactor)
        yield self.answered(pool)
        closed = pool.closeCachedConnections()
        yield self.answered(pool)
        yield deferLater(reactor, PLAIN, lambda: None)
        self.assertFalse(closed.called)
        self.assertEqual(len(self.silent), 2)
        yield self.hang_up()
        yield closed
        yield pool.closeCachedConnections()
