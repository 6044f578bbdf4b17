"""Connections that are given to a scope by their transport or connector."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from twisted.internet.base import BaseConnector
from twisted.internet.error import UserError
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import ClientFactory, Protocol, ReconnectingClientFactory
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.unit.listening import Wire
from tests.unit.scope_case import ScopeCase
from txresource import ManagedProtocolMixin, Scope
from txresource.errors import ResourceClosed


@implementer(ITCPTransport)
class TCPWire(Wire):
    """A wire that says what it is."""


class Managed(ManagedProtocolMixin, Protocol):
    """A protocol with the mixin."""


class ConnectionCase(ScopeCase):
    """A scope on a clock that must be empty at the end."""

    last_turns = (0, 1)


class TransportTests(ConnectionCase):
    """``own(protocol.transport)``."""

    def connect(self, deaf: bool = False) -> TCPWire:
        """Connect a protocol."""
        wire = TCPWire(self.clock, deaf)
        wire.connect(Protocol())
        return wire

    def test_lost_softly(self) -> None:
        """A connection is lost in the drain pass, and waited for."""
        wire = self.connect()
        self.assertIs(self.scope.own(wire), wire)
        closed = self.scope.close()
        self.assertEqual(wire.asked, ["lose"])
        self.assertNoResult(closed)
        self.clock.advance(0)
        self.successResultOf(closed)

    def test_aborted_at_the_deadline(self) -> None:
        """A connection whose peer does not let it go is aborted at the deadline."""
        wire = self.scope.own(self.connect(deaf=True))
        closed = self.scope.close()
        self.clock.pump([0.1] * 42)
        self.successResultOf(closed)
        self.assertEqual(wire.asked, ["lose", "abort"])

    def test_lost_by_itself(self) -> None:
        """A connection that is lost leaves the tree, and the transport is itself again."""
        wire = self.scope.own(self.connect(), name="upstream")
        self.assertEqual([view.name for view in self.scope.tree().children], ["upstream"])
        wire.loseConnection()
        self.clock.advance(0)
        self.assertEqual((self.owned(), "connectionLost" in vars(wire)), (0, False))

    def test_lost_before(self) -> None:
        """A connection that was lost before it is owned never enters the tree."""
        wire = self.connect()
        wire.connected = False
        self.scope.own(wire)
        self.assertEqual(self.owned(), 0)

    def test_every_layer_is_one_connection(self) -> None:
        """The layers of a connection have one node, in the scope that was last to own one."""
        wire = TCPWire(self.clock)
        inner, factory = Protocol(), WrappingFactory(ClientFactory())
        wire.connect(ProtocolWrapper(factory, inner))
        other = Scope(self.clock, "other")
        self.assertIs(self.scope.own(inner.transport), inner.transport)
        other.own(wire)
        self.assertEqual(self.owned(), 0)
        (view,) = other.tree().children
        self.assertEqual(
            (view.kind, view.name), ("connection", "twisted.internet.protocol.Protocol")
        )
        other.abort()
        self.assertEqual(wire.asked[-1], "abort")

    def test_managed(self) -> None:
        """The connection of a protocol with the mixin moves to the scope that owns its transport."""
        protocol = Managed()
        protocol.reactor = self.clock
        wire = TCPWire(self.clock)
        wire.connect(protocol)
        self.scope.own(wire)
        (view,) = self.scope.tree().children
        self.assertIn("Managed", view.name)
        timer = protocol.scope.call_later(1, int)
        closed = self.scope.close()
        self.clock.advance(0)
        self.successResultOf(closed)
        self.assertFalse(timer.active())

    def test_refused(self) -> None:
        """A closed scope loses what it is given, known or not, and aborts it if it must."""
        self.scope.close()
        other = Scope(self.clock, "other")
        known = other.own(self.connect(deaf=True))
        for wire in (self.connect(deaf=True), known):
            self.assertRaises(ResourceClosed, self.scope.own, wire)
            self.clock.pump([0.1] * 12)
            self.assertEqual((wire.asked[0], wire.asked[-1]), ("lose", "abort"))

    def test_freed_without_collector(self) -> None:
        """A connection that is lost is freed with the collector off."""
        gc.disable()
        self.addCleanup(gc.enable)
        wire = self.scope.own(self.connect())
        wire.loseConnection()
        self.clock.advance(0)
        gone = weakref.ref(wire)
        del wire
        self.assertIsNone(gone())


class Attempt:
    """A transport on its way to be connected."""

    def __init__(self, connector: Connector) -> None:
        self.connector = connector

    def failIfNotConnected(self, reason: Exception) -> None:
        """Fail."""
        self.connector.connectionFailed(Failure(reason))


class Connector(BaseConnector):
    """Twisted's own, but for the sockets."""

    def __init__(self, clock: Clock, factory: Any) -> None:
        super().__init__(factory, None, clock)
        self.attempts = 0
        self.connect()

    def _makeTransport(self) -> Any:
        self.attempts += 1
        return Attempt(self)

    def succeed(self, deaf: bool = False) -> TCPWire:
        """Be connected."""
        wire = self.transport = TCPWire(self.reactor, deaf)
        protocol = self.buildProtocol(wire.getPeer())
        lost = wire.connectionLost

        def connection_lost(reason: Failure) -> None:
            vars(wire).pop("connectionLost", None)
            lost(reason)
            self.transport = None
            self.connectionLost(reason)

        vars(wire)["connectionLost"] = connection_lost
        wire.connect(protocol)
        return wire

    def getDestination(self) -> Any:
        """Nowhere."""


class Telling(ClientFactory):
    """Writes down what it hears."""

    protocol = Protocol

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self.heard.append(reason.type)

    def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
        self.heard.append(reason.type)


class Again(Telling):
    """Connects again whenever it can."""

    def clientConnectionLost(self, connector: Any, reason: Failure) -> None:
        super().clientConnectionLost(connector, reason)
        connector.connect()


class Reconnecting(ReconnectingClientFactory):
    """With Twisted's own way to reconnect."""

    protocol = Protocol
    initialDelay = maxDelay = 1
    jitter = 0


class ConnectorTests(ConnectionCase):
    """``own(reactor.connectTCP(…))``."""

    def connect(self, factory: Any) -> Connector:
        """Own a connector."""
        factory.clock = self.clock
        connector: Connector = self.scope.own(Connector(self.clock, factory))
        return connector

    def test_attempt_is_given_up(self) -> None:
        """An attempt to connect is given up in the drain pass."""
        factory = Telling()
        self.connect(factory)
        self.scope.own(object(), close=lambda: self.assertEqual(factory.heard, [UserError]))
        self.successResultOf(self.scope.close())
        self.assertEqual((factory.heard, factory.numPorts), ([UserError], 0))

    def test_connection_is_closed(self) -> None:
        """A connection is lost softly, and aborted at the deadline."""
        for deaf, asked in ((False, ["lose"]), (True, ["lose", "abort"])):
            self.scope = Scope(self.clock, "client", grace=4)
            wire = self.connect(Telling()).succeed(deaf)
            closed = self.scope.close()
            self.assertEqual(wire.asked, ["lose"])
            self.clock.pump([0.1] * 42)
            self.successResultOf(closed)
            self.assertEqual(wire.asked, asked)

    def test_ends_by_itself(self) -> None:
        """A connector that is disconnected, or fails, leaves the tree; owned later, never enters."""
        lost, failed = self.connect(Telling()), self.connect(Telling())
        lost.succeed().loseConnection()
        self.clock.advance(0)
        failed.stopConnecting()
        self.assertEqual(self.owned(), 0)
        self.assertNotIn("connectionLost", vars(lost))
        self.scope.own(lost)
        self.assertEqual(self.owned(), 0)

    def test_reconnecting_stays(self) -> None:
        """A connector that reconnects stays in the tree; when it closes, so does the next attempt."""
        connector = self.connect(Reconnecting())
        connector.succeed().loseConnection()
        self.clock.advance(0)
        self.assertEqual((connector.state, self.owned()), ("disconnected", 1))
        self.clock.advance(1)
        self.assertEqual(connector.attempts, 2)
        self.successResultOf(self.scope.close())
        self.clock.advance(9)
        self.assertEqual(connector.attempts, 2)

    def test_between_two_attempts(self) -> None:
        """A close between two attempts is the end of them."""
        connector = self.connect(Reconnecting())
        connector.succeed().loseConnection()
        self.clock.advance(0)
        self.successResultOf(self.scope.close())
        self.clock.advance(9)
        self.assertEqual(connector.attempts, 1)

    def test_refuses_to_reconnect(self) -> None:
        """A factory that reconnects by hand is refused while its scope closes, and after."""
        factory = Again()
        connector = self.connect(factory)
        connector.succeed()
        closed = self.scope.close()
        connector.connect()
        self.clock.advance(0)
        self.successResultOf(closed)
        self.assertEqual((connector.attempts, factory.numPorts), (1, 0))

    def test_connector_freed_without_collector(self) -> None:
        """A connector that is closed, at whatever moment, is freed with the collector off."""
        gc.disable()
        self.addCleanup(gc.enable)
        lost, between = self.connect(Telling()), self.connect(Reconnecting())
        lost.succeed().loseConnection()
        between.succeed().loseConnection()
        self.clock.advance(0)
        self.scope.close()
        between.factory = None  # Twisted's own cycle
        for gone in (weakref.ref(lost), weakref.ref(between)):
            lost = between = None  # type: ignore[assignment]
            self.assertIsNone(gone())

    def test_aborted(self) -> None:
        """Aborting gives up an attempt, and aborts a connection."""
        wire = self.connect(Telling()).succeed()
        factory = Telling()
        self.connect(factory)
        self.scope.abort()
        self.assertEqual((wire.asked[-1], factory.heard), ("abort", [UserError]))

    def test_foreign(self) -> None:
        """A connector of which only the interface is known is told, and waited for no longer."""
        clock: Any = MemoryReactorClock()
        clock.removeSystemEventTrigger = lambda _: None
        scope = Scope(clock, "foreign")
        connector = scope.own(clock.connectTCP("127.0.0.1", 1, Telling()))
        self.successResultOf(scope.close())
        self.assertTrue(connector._disconnected)
