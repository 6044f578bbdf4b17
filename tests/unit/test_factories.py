"""The nodes of factories, and of connections that nobody looks at."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import alsoProvides

from tests.unit.listening import Wire
from tests.unit.test_connections import BareManaged, ConnectionCase, Managed, Plain
from txresource import ManagedProtocolMixin, root_scope
from txresource.errors import ResourceClosed
from txresource.factories import FactoryNode
from txresource.root import root_node


class Looking(ManagedProtocolMixin, Protocol):
    """Looks, while it is lost, at what its factory has."""

    def connectionLost(self, reason: Failure = ConnectionDone) -> None:  # type: ignore[assignment]
        """Look."""
        self.seen = [each.state for each in self.factory.liveConnections]  # type: ignore[union-attr]


class LookingTwice(Looking):
    """Does so before and after its base."""

    def connectionLost(self, reason: Failure = ConnectionDone) -> None:  # type: ignore[assignment]
        """Look, and look again."""
        super().connectionLost(reason)
        before, after = self.seen, len(self.factory.liveConnections)  # type: ignore[union-attr]
        self.seen = [*before, str(after)]


class UnseenTests(ConnectionCase):
    """Connections that come and go."""

    def lose(self, wire: Any) -> None:
        """The peer is gone."""
        wire.loseConnection()
        self.clock.advance(0)

    def unseen(self) -> int:
        """How many connections have no node."""
        return len(root_node(self.clock).arrivals)

    def test_have_no_node(self) -> None:
        """A connection at which nobody looks has no node, and leaves nothing when it is gone."""
        for protocol, base in ((BareManaged, Managed), (Plain, Factory), (Plain, Managed)):
            _, port = self.serve(protocol, base)
            self.lose(port.accept())  # the first thing that is open tells the process
            wires = [port.accept() for _ in range(3)]
            self.assertEqual(self.unseen(), 3, (protocol, base))
            for wire in wires:
                self.lose(wire)
            self.assertEqual((self.unseen(), self.connections()), (0, []))

    def test_stand_in_order(self) -> None:
        """Whichever is looked at first, connections stand in the order in which they came."""
        factory, port = self.serve(BareManaged, Managed)
        wires = []
        for _ in range(4):
            wires.append(port.accept())
            self.clock.advance(1)
        scope = wires[2].protocol.scope
        self.assertEqual([live.age for live in factory.liveConnections], [4, 3, 2, 1])
        self.assertEqual(self.unseen(), 0)
        for wire in wires:
            self.assertEqual(scope.state, "open" if wire is not wires[3] else "closed")
            self.lose(wire)

    def test_looked_at_while_lost(self) -> None:
        """A connection is there until the outermost ``connectionLost`` has returned."""
        for protocol, seen in ((Looking, ["open"]), (LookingTwice, ["open", "1"])):
            factory, port = self.serve(protocol, Managed)
            wires = [port.accept() for _ in range(2)]
            self.lose(wires[0])
            made = wires[1].protocol
            self.lose(wires[1])
            self.assertEqual((made.seen, factory.liveConnections), (seen, ()))

    def test_scope_of_what_is_gone(self) -> None:
        """The scope that is first asked for after the connection was lost is closed."""
        _, port = self.serve(BareManaged, Managed)
        wires = [port.accept() for _ in range(2)]
        made = wires[1].protocol
        self.lose(wires[1])
        self.assertEqual(made.scope.state, "closed")
        self.assertRaises(ResourceClosed, made.scope.call_later, 1, print)

    def test_made_again(self) -> None:
        """A protocol that is connected a second time has a new connection, seen or not."""
        _, port = self.serve(BareManaged, Managed)
        for look in (False, True):
            wires = [port.accept() for _ in range(2)]
            again = wires[1].protocol
            if look:
                self.assertEqual(again.scope.state, "open")
            self.lose(wires[1])
            for _ in range(2):
                wire = Wire(self.clock)
                wire.connect(again)
                again.makeConnection(wire)  # told twice, counted once
                self.assertEqual((again.scope.state, self.connections()), ("open", ["open"] * 2))
                self.lose(wire)
                self.assertEqual((again.scope.state, self.connections()), ("closed", ["open"]))
            self.lose(wires[0])

    def test_owned_by_transport(self) -> None:
        """An unseen connection that is given to a scope by its transport is owned once, there."""
        _, port = self.serve(BareManaged, Managed)
        wires = [port.accept() for _ in range(2)]
        mine = self.scope.child("mine")
        alsoProvides(wires[1], ITCPTransport)
        mine.own(wires[1], name="it")
        self.assertEqual([view.name for view in mine.tree().children], ["it"])
        self.assertEqual(self.connections().count("open"), 2)
        self.lose(wires[1])
        self.assertEqual((mine.tree().children, self.connections()), ((), ["open"]))

    def test_last_of_a_stopped_factory(self) -> None:
        """The last connection of a factory that has stopped takes it along, seen or not."""
        self.scope.call_later(100, print)  # the first thing that is open tells the process
        for look in (False, True):
            factory: Any = type(
                "Served", (Managed,), {"protocol": BareManaged, "reactor": self.clock}
            )()
            wires = [Wire(self.clock) for _ in range(2)]
            for wire in wires:
                wire.connect(factory.buildProtocol(None))
            self.assertEqual(self.unseen(), 2)
            self.assertIsInstance(root_node(self.clock).find(id(factory)), FactoryNode)
            if look:
                self.assertEqual(len(factory.liveConnections), 2)
            for wire in wires:
                self.lose(wire)
            self.assertIsNone(root_node(self.clock).find(id(factory)))
        self.assertEqual(root_scope(self.clock).statistics().owned["factory"], 0)
