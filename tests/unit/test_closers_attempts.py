"""Attempts to connect, by factories that are in care."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.base import BaseConnector
from twisted.internet.error import ConnectionRefusedError, UserError
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.internet.task import Clock, deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.listening import Wire
from txresource import ManagedFactoryMixin, Scope
from txresource.closers.transports import ConnectorCloser
from txresource.owning import own
from txresource.root import root_node

CONNECTOR = ConnectorCloser()


class Attempt:
    """The transport of an attempt, which fails when it is told to."""

    def __init__(self, connector: Connector) -> None:
        self.connector = connector

    def failIfNotConnected(self, error: Exception) -> None:
        """Fail."""
        self.connector.connectionFailed(Failure(error))


class Connector(BaseConnector):
    """A connector as those of the reactor are."""

    def _makeTransport(self) -> Any:
        return Attempt(self)

    def getDestination(self) -> IPv4Address:
        """Some address."""
        return IPv4Address("TCP", "127.0.0.1", 1)


class Client(ClientFactory):
    """Keeps what it is told."""

    protocol = Protocol
    noisy = False

    def __init__(self) -> None:
        self.failed: list[type] = []

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        """Keep the error; connect anew, as many programs do."""
        self.failed.append(reason.type)
        connector.connect()


class AttemptTests(SynchronousTestCase):
    """Attempts of a factory with the mixin, and of one that a scope owns."""

    def setUp(self) -> None:
        """A clock with a scope."""
        self.clock: Any = Clock()
        self.scope = Scope(self.clock, "client", grace=4)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(self.scope.abort)

    def factories(self) -> Iterator[Any]:
        """One of each kind, each in a scope of its own."""
        for bases in ((ManagedFactoryMixin, Client), (Client,)):
            self.scope = Scope(self.clock, "client", grace=4)
            yield self.scope.own(type("Made", bases, {"reactor": self.clock})())
            self.scope.abort()

    def attempts(self) -> int:
        """How many attempts there are in the tree."""
        factories = self.scope.tree().children
        return len([c for factory in factories for c in factory.children if c.kind == "attempt"])

    def begin(self, factory: Any) -> Connector:
        """Begin an attempt."""
        connector = Connector(factory, 30, self.clock)
        connector.connect()
        return connector

    def test_given_up(self) -> None:
        """An attempt under way is given up, its factory told once; no other one begins."""
        for factory in self.factories():
            self.begin(factory)
            self.assertEqual(self.attempts(), 1)
            self.successResultOf(self.scope.close())
            self.assertEqual(factory.failed, [UserError])

    def test_counted(self) -> None:
        """What was given up is in the account."""
        for factory in self.factories():
            self.begin(factory)
            self.successResultOf(self.scope.close())
            run: Any = self.scope._node.run
            self.assertEqual(run.outcome.closed["attempt"], 1)

    def test_came_to_something(self) -> None:
        """A connection that is there is no attempt any more, and its connector itself again."""
        for factory in self.factories():
            connector = self.begin(factory)
            self.assertIsInstance(connector.buildProtocol(None), Protocol)
            self.assertEqual(self.attempts(), 0)
            self.assertFalse({"buildProtocol", "connectionFailed"} & set(vars(connector)))

    def test_failed(self) -> None:
        """An attempt that fails leaves the tree; the one that follows is in it."""
        for factory in self.factories():
            connector = self.begin(factory)
            connector.connectionFailed(Failure(ConnectionRefusedError()))
            self.assertEqual(factory.failed, [ConnectionRefusedError])
            self.assertEqual(self.attempts(), 1)

    def test_begun_too_late(self) -> None:
        """An attempt that begins while its factory closes is given up at once."""
        for factory in self.factories():
            self.scope.start(deferLater, self.clock, 0.5, int)
            closed = self.scope.close()
            self.begin(factory)
            self.assertEqual(factory.failed, [UserError])
            self.clock.pump([0.1] * 60)
            self.successResultOf(closed)

    def test_a_connector_that_is_owned_as_well(self) -> None:
        """Attempts come and go, and the owner of the connector still hears of its end."""
        for factory in self.factories():
            connector = self.begin(factory)
            connector.connectionFailed(Failure(ConnectionRefusedError()))
            own(self.scope._node, connector, None, None, CONNECTOR)
            hooks = {name: vars(connector)[name] for name in ("connectionFailed", "connectionLost")}
            for _ in range(3):
                connector.connectionFailed(Failure(ConnectionRefusedError()))
            connector.buildProtocol(None)
            self.assertEqual({name: vars(connector)[name] for name in hooks}, hooks)
            self.assertNotIn("buildProtocol", vars(connector))
            connector.connectionLost(Failure(ConnectionRefusedError()))
            kinds = [child.kind for child in self.scope.tree().children]
            self.assertNotIn("connector", kinds)

    def test_freed_without_collector(self) -> None:
        """The node of an attempt that is over is freed with the collector off."""
        gc.disable()
        self.addCleanup(gc.enable)
        for factory in self.factories():
            connector = self.begin(factory)
            (gone,) = [
                weakref.ref(node)
                for owner in self.scope._node.children or ()
                for node in owner.children or ()
            ]
            connector.buildProtocol(None)
            self.assertIsNone(gone())

    def test_refused_every_time(self) -> None:
        """A factory that the root refuses builds nothing, however often it is asked."""
        root = root_node(self.clock)
        managed: Any = type("Managed", (ManagedFactoryMixin, Client), {"reactor": self.clock})()
        root.stopping = True
        self.assertEqual([managed.buildProtocol(None) for _ in range(3)], [None] * 3)
        root.stopping = False
        wire = Wire(self.clock)
        wire.connect(managed.buildProtocol(None))
        self.assertEqual(len(managed.liveConnections), 1)
        wire.abortConnection()
        self.clock.advance(0)
