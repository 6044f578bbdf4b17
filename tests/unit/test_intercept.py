"""Listeners that are taken into care without an edit."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.listening import ListeningClock
from txresource import ManagedFactoryMixin, ManagedProtocolMixin, Scope, root_scope
from txresource.errors import ResourceClosed
from txresource.intercept import hook_listening, unhook_listening
from txresource.root import root_node


class Both(ManagedProtocolMixin, Protocol):
    """A managed protocol in a plain factory."""


class Managed(ManagedFactoryMixin, Factory):
    """A managed factory."""


class Slotted:
    """A protocol, and a factory of itself, of which nothing can be replaced."""

    __slots__ = ("transport",)

    def doStart(self) -> None:
        """It listens."""

    def doStop(self) -> None:
        """It listens no more."""

    def buildProtocol(self, address: Any) -> Any:
        """Another one."""
        return Slotted()

    def makeConnection(self, transport: Any) -> None:
        """Greet."""
        self.transport = transport
        transport.write(b"hello")


class InterceptTests(SynchronousTestCase):
    """``hook_listening``."""

    def setUp(self) -> None:
        """A hooked clock that must be empty at the end."""
        self.clock = ListeningClock()
        self.wrapped = hook_listening(self.clock)
        self.factory = Factory.forProtocol(Protocol)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def owned(self) -> dict[str, int]:
        """What the root owns."""
        return dict(root_scope(self.clock).statistics().owned)

    def test_once(self) -> None:
        """The methods that are there are wrapped once, and are as before when it is undone."""
        self.assertEqual(self.wrapped, ("listenTCP",))
        self.assertEqual(hook_listening(self.clock), ())
        unhook_listening(self.clock)
        self.assertNotIn("listenTCP", vars(self.clock))

    def test_takes_all(self) -> None:
        """A port and the connections it accepts are closed with the root, and leave nothing."""
        factories: Any = (self.factory, Factory.forProtocol(Both), Managed.forProtocol(Protocol))
        for factory in factories:
            factory.reactor = self.clock
            Both.reactor = self.clock
            port: Any = self.clock.listenTCP(0, factory)
            wires = [port.accept(), port.accept(deaf=True)]
            root = root_node(self.clock)
            closed = root_scope(self.clock).close(1)
            self.assertEqual(port.accept().asked, ["refused"])
            self.clock.pump([0, 1, 0, 0])
            self.successResultOf(closed)
            self.assertEqual([w.asked for w in wires], [["lose"], ["lose", "abort"]])
            self.assertEqual((port.listening, root.owned), (False, {}))
            assert root.run is not None
            outcome = root.run.outcome
            self.assertEqual(outcome.closed, {"port": 1, "connection": 1})
            self.assertEqual(outcome.aborted, {"connection": 1})

    def test_slots(self) -> None:
        """What has no ``__dict__`` serves as it did without care; its port is in care."""
        self.factory.protocol = Slotted  # type: ignore[assignment]
        self.factory.buildProtocol = lambda address: Slotted()  # type: ignore[method-assign]
        for factory in (self.factory, Slotted()):
            port: Any = self.clock.listenTCP(0, factory)
            self.assertEqual(port.accept().value(), b"hello")
            closed = root_scope(self.clock).close(1)
            self.clock.pump([0, 1, 1])
            self.successResultOf(closed)
            self.assertFalse(port.listening)

    def test_one_factory_listens_twice(self) -> None:
        """A factory that listens twice is one node; it goes with its last port and connection."""
        ports: list[Any] = [self.clock.listenTCP(0, self.factory) for _ in range(2)]
        wire = ports[1].accept()
        self.assertEqual(self.owned(), {"factory": 1})
        for port in ports:
            port.stopListening()
        self.clock.advance(0)
        self.assertEqual(self.owned(), {"factory": 1})
        wire.loseConnection()
        self.clock.advance(0)
        self.assertEqual(root_scope(self.clock).statistics().owned["factory"], 0)

    def test_owned_as_well(self) -> None:
        """A port in care that a scope owns as well stops when that scope closes."""
        scope = Scope(self.clock, "mine")
        port: Any = scope.own(self.clock.listenTCP(0, self.factory))
        closed = scope.close()
        self.clock.advance(0)
        self.successResultOf(closed)
        self.assertFalse(port.listening)

    def test_fails_to_listen(self) -> None:
        """A listener that cannot be opened leaves nothing in the tree, nor on its factory."""
        self.clock.fail = True
        self.assertRaises(OSError, self.clock.listenTCP, 0, self.factory)
        self.assertEqual(root_scope(self.clock).tree().children, ())
        self.assertNotIn("buildProtocol", vars(self.factory))

    def test_refused(self) -> None:
        """While all closes, nothing begins to listen."""
        scope = Scope(self.clock, "busy")
        scope.start(Deferred())
        root = root_scope(self.clock)
        root.close()
        self.assertRaises(ResourceClosed, self.clock.listenTCP, 0, self.factory)
        self.assertEqual(self.factory.numPorts, 0)
        root.abort()
