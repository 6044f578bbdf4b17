"""The bytes of live connections, as the kernel has counted them."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from tests.real.test_real_connections import (
    FLOOD,
    GRACE,
    ConnectionsTestCase,
    ManagedToldFactory,
    Told,
    ToldFactory,
    paused_and_flooded,
)
from txresource import ManagedProtocolMixin, Scope
from txresource.closers.live import traffic

REQUEST, ANSWER = b"q" * 1000, b"a" * 70_000


class Answers(Told):
    """Answers a request of a known size."""

    asked = 0

    def __init__(self) -> None:
        self.heard: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.asked += len(data)
        if self.asked == len(REQUEST):
            self.transport.write(ANSWER)
            self.heard.callback(None)


class ManagedAnswers(ManagedProtocolMixin, Answers):
    """With the mixin."""


class TrafficTests(ConnectionsTestCase):
    """What the kernel has counted, beside each live connection."""

    @inlineCallbacks
    def exchange(self, factory: Any, tls: bool = False) -> Any:
        """A request and an answer; what the factory tells of the connection then."""
        scope = Scope(reactor, "server", grace=GRACE)
        scope.own(factory)
        protocol = yield self.serve(scope, factory, tls)
        client = self.clients[-1]
        client.sendall(REQUEST)
        yield protocol.heard
        received = 0
        while received < len(ANSWER):
            received += len((yield deferToThread(client.recv, 65536)))
        (live,) = factory.liveConnections
        transport = protocol.transport
        transport.pauseProducing()  # unseen by the reactor, it is counted all the same
        self.assertEqual(factory.liveConnections[0].sent, live.sent)
        transport.abortConnection()
        self.assertEqual(factory.liveConnections[0].received, live.received)
        yield protocol.gone
        yield deferLater(reactor, 0)
        self.assertEqual((len(factory.liveConnections), traffic(transport)), (0, (None, None)))
        yield scope.close()
        return live

    @inlineCallbacks
    def test_tcp(self) -> Any:
        """Over TCP they are the bytes that were read and written."""
        for factory in (ToldFactory(Answers), ManagedToldFactory(ManagedAnswers)):
            live = yield self.exchange(factory)
            self.assertEqual((live.received, live.sent), (len(REQUEST), len(ANSWER)))

    @inlineCallbacks
    def test_tls(self) -> Any:
        """Over TLS they are more: encrypted, and with the handshake."""
        live = yield self.exchange(ManagedToldFactory(ManagedAnswers), tls=True)
        self.assertGreater(live.received, len(REQUEST))
        self.assertGreater(live.sent, len(ANSWER))
        self.assertLess(live.received + live.sent, len(REQUEST) + len(ANSWER) + 20_000)

    @inlineCallbacks
    def test_unread(self) -> Any:
        """What has arrived counts though nobody reads it; what cannot be sent does not count."""
        scope = Scope(reactor, "server", grace=GRACE)
        factory = scope.own(ToldFactory(Answers))
        protocol = yield self.serve(scope, factory)
        paused_and_flooded(protocol)
        self.clients[-1].sendall(b"x")
        for _ in range(1000):
            (live,) = factory.liveConnections
            if live.received:
                break
            yield deferLater(reactor, 0.01)
        self.assertEqual(live.received, 1)
        self.assertLess(live.sent, len(FLOOD) / 2)
        yield scope.close(0)

    def test_unix_sockets(self) -> None:
        """Of a UNIX socket nobody has counted the bytes."""
        here, there = socket.socketpair()
        self.addCleanup(here.close)
        self.addCleanup(there.close)

        class Transport:
            getHandle = staticmethod(lambda: here)

        self.assertEqual(traffic(Transport()), (None, None))
