"""Mixins for protocols and factories; factories that nobody may edit."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.policies import TimeoutFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.listening import ListeningClock, Wire
from txresource import ManagedFactoryMixin, ManagedProtocolMixin, Scope, root_scope
from txresource.errors import ResourceClosed, ResourceNotOpen
from txresource.root import root_node


class Plain(Protocol):
    """A protocol that counts its ends."""

    ends = 0

    def connectionLost(self, reason: Failure = ConnectionDone) -> None:  # type: ignore[assignment]
        """Count."""
        self.ends += 1


class MixinFirst(ManagedProtocolMixin, Protocol):
    """The usual order; the override does not call up."""

    ends = 0

    def connectionLost(self, reason: Failure = ConnectionDone) -> None:  # type: ignore[assignment]
        """Count."""
        self.ends += 1


class MixinLast(Plain, ManagedProtocolMixin):
    """The other order."""


class Inherits(MixinFirst):
    """An override that calls up to one that is hooked as well."""

    def connectionLost(self, reason: Failure = ConnectionDone) -> None:  # type: ignore[assignment]
        """Count by the base."""
        super().connectionLost(reason)


class BareManaged(ManagedProtocolMixin, Protocol):
    """Nothing of its own."""


class Beside(BareManaged, Plain):
    """A managed base beside another one that overrides what the former only inherits."""


class ConnectionCase(SynchronousTestCase):
    """A clock that listens; at the end nothing is left on it, nor in the tree."""

    def setUp(self) -> None:
        """Make it."""
        self.clock = ListeningClock()
        self.scope = Scope(self.clock, "server", grace=4)
        self.addCleanup(self.check_clean)

    def check_clean(self) -> None:
        """Close all; nothing is left."""
        root = root_node(self.clock)
        root_scope(self.clock).close(0)
        self.clock.pump([0.1] * 20)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(root.owned, {})

    def serve(self, protocol: type, base: type = Factory, **names: Any) -> Any:
        """A factory of a protocol class that the scope owns, and its port."""
        factory: Any = type(
            "Served", (base,), {"reactor": self.clock, "protocol": protocol, **names}
        )()
        self.scope.own(factory)
        return factory, self.clock.listenTCP(0, factory)

    def connections(self, *factories: Any) -> list[str]:
        """States of the connections below the scope."""
        return [
            c.state
            for f in self.scope.tree().children
            for c in f.children
            if c.kind == "connection"
        ]


class Managed(ManagedFactoryMixin, Factory):
    """A managed factory whose override calls up: hooked twice."""

    noisy = True

    def buildProtocol(self, addr: Any) -> Any:
        """Build by the base."""
        return super().buildProtocol(addr)


class ManagedLast(Factory, ManagedFactoryMixin):
    """The other order."""


class MixinTests(ConnectionCase):
    """Protocols with the mixin, and without, in owned and in managed factories."""

    def test_all_combinations(self) -> None:
        """Each connection is in the tree while it lives, and hears its end exactly once."""
        for protocol in (Plain, MixinFirst, MixinLast, Inherits, Beside):
            for base in (
                Factory,
                Managed,
                type(
                    "Again", (Managed,), {"buildProtocol": lambda s, a: Managed.buildProtocol(s, a)}
                ),
                ManagedLast,
            ):
                _, port = self.serve(protocol, base)
                wires = [port.accept() for _ in range(3)]
                made = [wire.protocol for wire in wires]
                self.assertEqual(self.connections(), ["open"] * 3, (protocol, base))
                wires[0].loseConnection()
                self.clock.advance(0)
                self.assertEqual(self.connections(), ["open"] * 2, (protocol, base))
                closed = self.scope.close()
                self.clock.pump([0, 0, 0])
                self.successResultOf(closed)
                self.assertEqual([p.ends for p in made], [1, 1, 1], (protocol, base))
                self.assertEqual([w.asked for w in wires], [["lose"]] * 3)
                self.scope = Scope(self.clock, "server", grace=4)

    def test_abort_at_the_deadline(self) -> None:
        """A connection whose peer does not let go is aborted at the deadline, and told once."""
        _, port = self.serve(MixinFirst)
        wire = port.accept(deaf=True)
        protocol = wire.protocol
        closed = self.scope.close()
        self.clock.pump([3.9])
        self.assertEqual(wire.asked, ["lose"])
        self.clock.pump([0.1, 0])
        self.assertEqual((wire.asked, protocol.ends), (["lose", "abort"], 1))
        self.successResultOf(closed)

    def test_draining_and_busy(self) -> None:
        """``draining`` is called once; a busy connection is lost when it is not busy any more."""

        class Talks(MixinFirst):
            told = 0
            works = True

            def draining(self) -> None:
                self.told += 1

            def busy(self) -> bool:
                return self.works

        _, port = self.serve(Talks)
        wire = port.accept()
        protocol = wire.protocol
        closed = self.scope.close()
        self.clock.pump([1])
        self.assertEqual((protocol.told, wire.asked), (1, []))
        protocol.works = False
        self.clock.pump([0.1, 0])
        self.assertEqual((protocol.told, wire.asked), (1, ["lose"]))
        self.successResultOf(closed)

    def test_scope_of_a_connection(self) -> None:
        """What a connection owns ends before it; it hears ``draining`` all the same."""
        order: list[str] = []
        waits: Deferred[None] = Deferred()

        class Owns(MixinFirst):
            def connectionMade(self) -> None:
                self.scope.own(object(), close=lambda: waits)
                self.scope.call_later(9, int)

            def draining(self) -> None:
                order.append("draining")

        _, port = self.serve(Owns)
        wire = port.accept()
        closed = self.scope.close()
        self.assertEqual((order, wire.asked), (["draining"], []))
        waits.callback(None)
        self.assertEqual((order, wire.asked), (["draining"], ["lose"]))
        self.clock.pump([0])
        self.successResultOf(closed)

    def test_peer_closes(self) -> None:
        """When the peer closes, what the connection owned is closed, and its listeners told."""
        _, port = self.serve(MixinFirst)
        one, other = port.accept(), port.accept()
        call = one.protocol.scope.call_later(9, int)
        begun = [wire.protocol.scope.closing() for wire in (one, other)]
        protocol = one.protocol
        for wire in (one, other):
            wire.loseConnection()
        self.clock.advance(0)
        self.assertFalse(call.active())
        for each in begun:
            self.successResultOf(each)
        self.assertRaises(ResourceClosed, protocol.scope.call_later, 1, int)
        self.assertEqual(self.connections(), [])

    def test_closes_in_connection_lost(self) -> None:
        """A protocol may close its own scope, or the whole server, when it hears of its end."""
        results: list[Any] = []

        class Ends(ManagedProtocolMixin, Protocol):
            def connectionLost(self, reason: Any = None) -> None:
                self.scope.close().addBoth(results.append)
                self.factory.outer.close().addBoth(results.append)

        _, port = self.serve(Ends, outer=self.scope)
        port.accept().loseConnection()
        self.clock.pump([0, 0])
        self.assertEqual(results, [None, None])

    def test_not_connected(self) -> None:
        """Before there is a connection there is no scope of it."""
        self.assertRaises(ResourceNotOpen, lambda: MixinFirst().scope)

    def test_made_again(self) -> None:
        """A protocol that is connected a second time has a new connection, with its own end."""
        protocol = MixinFirst()
        protocol.reactor = self.clock
        for number in (1, 2):
            wire = Wire(self.clock)
            wire.connect(protocol)
            protocol.makeConnection(wire)  # told twice, counted once
            self.assertEqual(root_scope(self.clock).statistics().owned["connection"], 1)
            wire.loseConnection()
            self.clock.advance(0)
            self.assertEqual(protocol.ends, number)
        self.assertEqual(root_scope(self.clock).statistics().owned["connection"], 0)

    def test_wrapped(self) -> None:
        """Behind a wrapping factory a connection is one node, and each layer hears its end."""
        for protocol in (Plain, MixinFirst):
            inner: Any = type("Inner", (Managed,), {"protocol": protocol, "reactor": self.clock})()
            outer = TimeoutFactory(inner, timeoutPeriod=None)
            self.scope.own(outer)
            wire = self.clock.listenTCP(0, outer).accept()
            app = wire.protocol.wrappedProtocol
            closed = self.scope.close()
            inner_closed = inner.scope.close()
            self.clock.pump([0, 0, 0])
            self.assertEqual((app.ends, wire.asked), (1, ["lose"]))
            self.successResultOf(closed)
            self.successResultOf(inner_closed)
            self.scope = Scope(self.clock, "server", grace=4)

    def test_refused(self) -> None:
        """When the tree closes no protocol is built; one built before is aborted, even if it raises."""

        class Owns(MixinFirst):
            def connectionMade(self) -> None:
                self.scope.call_later(1, int)

        factory, port = self.serve(Owns)
        early = factory.buildProtocol(None)
        self.scope.start(Deferred())
        self.scope.close()
        self.assertEqual(port.accept().asked, ["refused"])
        wire = Wire(self.clock)
        self.assertRaises(ResourceNotOpen, wire.connect, early)
        self.assertEqual(wire.asked, ["abort"])
        self.clock.pump([5])

    def test_freed_without_collector(self) -> None:
        """A protocol and its connection are freed at its end with the collector off."""
        gc.disable()
        self.addCleanup(gc.enable)
        for protocol in (Plain, MixinFirst):
            _, port = self.serve(protocol)
            wire = port.accept()
            gone = [weakref.ref(wire), weakref.ref(wire.protocol)]
            wire.loseConnection()
            self.clock.advance(0)
            del wire
            self.assertEqual([ref() for ref in gone], [None, None], protocol)


class FactoryTests(ConnectionCase):
    """Managed factories, and owned ones."""

    def test_live_connections(self) -> None:
        """A managed factory tells of its live connections, with peer, age and state."""
        factory, port = self.serve(Plain, Managed)
        self.assertEqual(factory.liveConnections, ())
        wire = port.accept()
        self.clock.advance(2)
        (live,) = factory.liveConnections
        self.assertEqual((live.age, live.state, live.peer), (2.0, "open", wire.getPeer()))
        self.assertEqual((live.received, live.sent), (None, None))  # no kernel below it
        self.assertTrue(live.protocol.endswith("test_connections.Plain"))

    def test_live_connections_of_an_owned_factory(self) -> None:
        """A factory that is owned tells of them as well, at each look, until it is closed."""
        factory, port = self.serve(Plain)
        live = factory.liveConnections
        self.assertEqual((len(live), list(live), repr(live)), (0, [], "()"))
        wires = [port.accept(), port.accept()]
        self.assertEqual((len(live), live[0].state, live[-1].peer), (2, "open", wires[1].getPeer()))
        self.assertIn("state='open'", repr(live))
        wires[0].loseConnection()
        self.clock.advance(0)
        self.assertEqual([each.state for each in live], ["open"])
        self.scope.close()
        self.clock.pump([0, 0, 0])
        self.assertEqual(len(live), 0)
        self.assertFalse(hasattr(factory, "liveConnections"))

    def test_live_connections_of_its_own(self) -> None:
        """A factory that has an attribute of that name keeps it."""
        factory, _ = self.serve(Plain, liveConnections=5)
        factory.liveConnections += 1
        self.scope.close()
        self.clock.pump([0, 0, 0])
        self.assertEqual(factory.liveConnections, 6)

    def test_moves_to_its_owner(self) -> None:
        """A managed factory that is used first and owned later hangs in its owner alone."""
        factory: Any = type("Used", (Managed,), {"protocol": Plain, "reactor": self.clock})()
        wire = self.clock.listenTCP(0, factory).accept()
        self.scope.own(factory)
        self.assertEqual(self.connections(), ["open"])
        self.assertEqual(root_scope(self.clock).statistics().owned, {"scope": 1})
        self.scope.close()
        self.assertEqual(wire.asked, ["lose"])

    def test_uses_the_reactor_of_its_owner(self) -> None:
        """A managed factory that is owned before it is used needs no reactor of its own."""
        factory: Any = type("NoReactor", (Managed,), {"protocol": Plain})()
        self.scope.own(factory, name="mine")
        self.clock.listenTCP(0, factory).accept()
        self.assertEqual(
            (self.connections(), self.scope.tree().children[0].name), (["open"], "mine")
        )

    def test_leaves_when_stopped(self) -> None:
        """A managed factory in nobody's scope leaves with its last connection after it stopped."""
        factory: Any = type("Lone", (Managed,), {"protocol": Plain, "reactor": self.clock})()
        port = self.clock.listenTCP(0, factory)
        wire = port.accept()
        call = factory.scope.call_later(9, int)
        port.stopListening()
        self.clock.advance(0)
        self.assertTrue(call.active())
        wire.loseConnection()
        self.clock.advance(0)
        self.assertFalse(call.active())
        self.assertEqual(root_scope(self.clock).statistics().owned["factory"], 0)

    def test_stays_started(self) -> None:
        """A factory that drains stays started until its last connection is gone."""
        stopped: list[bool] = []
        factory, port = self.serve(Plain, stopFactory=lambda self: stopped.append(True))
        self.scope.own(port)
        port.accept(deaf=True)
        self.scope.close()
        self.clock.pump([0, 3])
        self.assertEqual((port.listening, stopped), (False, []))
        self.clock.pump([1, 0, 0])
        self.assertEqual((stopped, factory.numPorts), ([True], 0))
        self.assertNotIn("buildProtocol", vars(factory))
