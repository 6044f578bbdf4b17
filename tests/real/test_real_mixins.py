"""The mixins on whatever Twisted connects: child processes, datagrams, clients, stacks of factories."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from itertools import count
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults, inlineCallbacks
from twisted.internet.protocol import (
    ClientFactory,
    DatagramProtocol,
    Factory,
    ProcessProtocol,
    Protocol,
)
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.protocols.policies import (
    LimitTotalConnectionsFactory,
    ThrottlingFactory,
    TimeoutFactory,
)
from twisted.trial.unittest import TestCase

from tests.real.children import close_with_reset, connect, read_to_end
from tests.real.tls import certificate, client_side
from txresource import ManagedFactoryMixin, ManagedProtocolMixin, Scope
from txresource.errors import ResourceClosed, ResourceNotOpen
from txresource.root import root_node

#: Ends when its input does.
CHILD = [sys.executable, "-c", "import sys; sys.stdin.read()"]


class MixinCase(TestCase):
    """Nothing is left in the tree at the end."""

    def setUp(self) -> None:
        self.scope = Scope(reactor, "server", grace=30)
        self.addCleanup(lambda: self.assertFalse(root_node(reactor).children))
        self.addCleanup(self.scope.close, 0)

    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """What was closed, and what was aborted."""
        run = self.scope._node.run
        assert run is not None
        return dict(run.outcome.closed), dict(run.outcome.aborted)


class Owns:
    """What all protocols here do: own something, and write down what they hear."""

    working = False

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.made: Deferred[Any] = Deferred()
        self.ended: Deferred[None] = Deferred()

    def begin(self) -> None:
        self.scope.own(object(), close=lambda: self.heard.append("owned"))
        self.made.callback(self)

    def draining(self) -> None:
        self.heard.append("draining")

    def busy(self) -> bool:
        return self.working

    def end(self) -> None:
        self.heard.append("ended")
        reactor.callLater(0, self.ended.callback, None)


class Child(Owns):
    """Of a child process; no override calls up."""

    def connectionMade(self) -> None:
        self.begin()

    def processEnded(self, reason: Any) -> None:
        self.end()


class ChildFirst(Child, ManagedProtocolMixin, ProcessProtocol):
    """The mixin in front."""


class ChildLast(Child, ProcessProtocol, ManagedProtocolMixin):
    """The mixin at the end."""


class ProcessTests(MixinCase):
    """``ProcessProtocol``."""

    def spawn(self, protocol: Any) -> Any:
        return reactor.spawnProcess(protocol, CHILD[0], CHILD, env=dict(os.environ))

    @inlineCallbacks
    def test_ends_by_itself(self) -> Any:
        """What the protocol owns lives as long as its process, and is closed when that ends."""
        for kind in (ChildFirst, ChildLast):
            protocol = kind()
            self.assertRaises(ResourceNotOpen, lambda protocol=protocol: protocol.scope)
            process = self.spawn(protocol)
            self.assertEqual((protocol.scope.state, protocol.heard), ("open", []))
            process.closeStdin()
            yield protocol.ended
            self.assertEqual(protocol.heard, ["ended", "owned"])
            self.assertRaises(ResourceClosed, protocol.scope.own, object(), close=int)

    @inlineCallbacks
    def test_closed(self) -> Any:
        """A close tells the protocol, waits while it is busy, and ends the process."""
        for kind in (ChildFirst, ChildLast):
            scope = Scope(reactor, "parent", grace=30)
            protocol = kind()
            protocol.working = True
            process = scope.own(self.spawn(protocol))  # owned twice is owned once
            closed = scope.close()
            self.assertEqual(protocol.heard[0], "draining")
            yield deferLater(reactor, 0.1, lambda: None)
            self.assertIsNotNone(process.pid)
            protocol.working = False
            yield closed
            self.assertEqual(sorted(protocol.heard), ["draining", "ended", "owned"])
            self.assertIsNone(process.pid)
            assert scope._node.run is not None
            self.assertEqual(scope._node.run.outcome.closed["process"], 1)

    @inlineCallbacks
    def test_too_late(self) -> Any:
        """A process that is started when all closes is killed, and its protocol hears of it."""
        self.scope.start(Deferred()).addErrback(lambda _: None)
        root = root_node(reactor)
        root.stopping = True
        try:
            protocol = ChildFirst()
            protocol.begin = lambda: None  # type: ignore[method-assign]
            self.spawn(protocol)
        finally:
            root.stopping = False
        yield protocol.ended
        self.assertIn("ended", protocol.heard)


class Socket(Owns):
    """Of a datagram socket; no override calls up."""

    def startProtocol(self) -> None:
        self.begin()

    def stopProtocol(self) -> None:
        self.end()


class SocketFirst(Socket, ManagedProtocolMixin, DatagramProtocol):
    """The mixin in front."""


class SocketLast(Socket, DatagramProtocol, ManagedProtocolMixin):
    """The mixin at the end."""


class DatagramTests(MixinCase):
    """``DatagramProtocol``, UDP and UNIX."""

    def listeners(self) -> list[Any]:
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        names = map(str, count())  # they stay when the socket is closed
        return [
            lambda protocol: reactor.listenUDP(0, protocol, interface="127.0.0.1"),
            lambda protocol: reactor.listenUNIXDatagram(f"{folder}/{next(names)}", protocol),
        ]

    @inlineCallbacks
    def test_ends_by_itself(self) -> Any:
        """What the protocol owns lives as long as its socket; one that listens again, lives again."""
        for listen in self.listeners():
            for kind in (SocketFirst, SocketLast):
                protocol = kind()
                for _ in range(2):
                    port = listen(protocol)
                    self.assertEqual((protocol.scope.state, protocol.heard), ("open", []))
                    yield port.stopListening()
                    yield protocol.ended
                    self.assertEqual(protocol.heard, ["ended", "owned"])
                    protocol.__init__()  # type: ignore[misc]

    @inlineCallbacks
    def test_closed(self) -> Any:
        """A close tells the protocol, waits while it is busy, and closes the socket."""
        for listen in self.listeners():
            for kind in (SocketFirst, SocketLast):
                scope = Scope(reactor, "parent", grace=30)
                protocol = kind()
                protocol.working = True
                scope.own(listen(protocol))
                closed = scope.close()
                self.assertEqual(protocol.heard[0], "draining")
                yield deferLater(reactor, 0.1, lambda: None)
                self.assertNotIn("ended", protocol.heard)
                protocol.working = False
                yield closed
                self.assertEqual(sorted(protocol.heard), ["draining", "ended", "owned"])
                assert scope._node.run is not None
                self.assertEqual(scope._node.run.outcome.closed["datagrams"], 1)


class Line(Owns, ManagedProtocolMixin, Protocol):
    """A connection; no override calls up."""

    def connectionMade(self) -> None:
        self.begin()
        self.factory.live.append(self)

    def dataReceived(self, data: bytes) -> None:
        if data == b"tls":
            self.transport.write(b"go")
            self.transport.startTLS(certificate().options())
        else:
            self.transport.write(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.end()


class Lines(ManagedFactoryMixin, Factory):
    """A server."""

    noisy = False
    protocol = Line

    def __init__(self) -> None:
        self.live: list[Line] = []


class Callers(ManagedFactoryMixin, ClientFactory):
    """A client."""

    noisy = False
    protocol = Line

    def __init__(self) -> None:
        self.live: list[Line] = []
        self.told: list[str] = []

    def clientConnectionLost(self, connector: Any, reason: Any) -> None:
        self.told.append("lost")


class StackTests(MixinCase):
    """Managed factories below others, and in other places."""

    @inlineCallbacks
    def open(self, factory: Any, lines: Any) -> Any:
        """Listen, and connect a client that has been answered once; the client."""
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.scope.own(port)
        client = connect(port.getHost().port)
        self.addCleanup(close_with_reset, client)
        client.sendall(PREFIX.get(type(factory), b"") + b"hello")
        answer = yield deferToThread(client.recv, 100)
        self.assertEqual(answer, b"hello")
        self.assertEqual([live.state for live in lines.liveConnections], ["open"])
        return client

    @inlineCallbacks
    def test_wrapped(self) -> Any:
        """Behind each of Twisted's wrappers the connection is known once, told, and closed."""
        for wrap in (
            lambda lines: TimeoutFactory(lines, 60),
            lambda lines: ThrottlingFactory(lines, 5, 10_000, 10_000),
            HAProxyWrappingFactory,
            lambda lines: TimeoutFactory(ThrottlingFactory(lines), 60),
        ):
            lines = Lines()
            factory = wrap(lines)
            factory.noisy = False
            scope, self.scope = self.scope, Scope(reactor, "wrapped", grace=30)
            self.scope.own(factory)
            client = yield self.open(factory, lines)
            # The connection hangs below the innermost factory, which nobody owns but the root.
            closed = gatherResults([self.scope.close(), lines.scope.close()])
            self.assertEqual((yield deferToThread(read_to_end, client)), b"")
            yield closed
            self.assertEqual(lines.live[0].heard, ["draining", "owned", "ended"])
            yield lines.live[0].ended
            self.scope = scope

    @inlineCallbacks
    def test_beside_another_limit(self) -> Any:
        """In a factory that Twisted's own limit is mixed into, too."""
        lines: Any = type("Few", (ManagedFactoryMixin, LimitTotalConnectionsFactory), {})()
        lines.noisy, lines.protocol, lines.live, lines.connectionLimit = False, Line, [], 1
        self.scope.own(lines)
        client = yield self.open(lines, lines)
        closed = self.scope.close()
        self.assertEqual((yield deferToThread(read_to_end, client)), b"")
        yield closed
        self.assertEqual(lines.live[0].heard, ["draining", "owned", "ended"])
        yield lines.live[0].ended

    @inlineCallbacks
    def test_tls_begins_in_between(self) -> Any:
        """A connection that turns to TLS stays the same one, and is closed as TLS is."""
        lines = self.scope.own(Lines())
        client = yield self.open(lines, lines)
        client.sendall(b"tls")
        self.assertEqual((yield deferToThread(client.recv, 2)), b"go")
        secure = yield deferToThread(client_side, client)
        self.addCleanup(secure.close)
        secure.sendall(b"secret")
        self.assertEqual((yield deferToThread(secure.recv, 100)), b"secret")
        self.assertEqual(len(lines.liveConnections), 1)
        closed = self.scope.close()
        # The end of TLS, not of TCP alone: without it this would raise.
        secure.suppress_ragged_eofs = False
        self.assertEqual((yield deferToThread(secure.recv, 100)), b"")
        secure.close()
        yield closed
        self.assertEqual(lines.live[0].heard, ["draining", "owned", "ended"])
        self.assertEqual(self.counts()[1], {})
        yield lines.live[0].ended

    @inlineCallbacks
    def test_client(self) -> Any:
        """A managed client factory closes its connection, and hears of it."""
        lines = self.scope.own(Lines())
        port = self.scope.own(reactor.listenTCP(0, lines, interface="127.0.0.1"))
        callers = self.scope.own(Callers())
        line = Line()
        callers.protocol = lambda: line
        reactor.connectTCP("127.0.0.1", port.getHost().port, callers)
        yield line.made
        self.assertEqual([live.state for live in callers.liveConnections], ["open"])
        yield self.scope.close()
        yield line.ended
        self.assertEqual((line.heard, callers.told), (["draining", "owned", "ended"], ["lost"]))
        for other in lines.live:
            yield other.ended


#: What the peer of a proxy says first.
PREFIX = {HAProxyWrappingFactory: b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"}
