"""Listening ports in a scope."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import fail
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.listening import ListeningClock, MemoryPort, Wire
from tests.unit.scope_case import ScopeCase
from txresource import Scope
from txresource.errors import ResourceClosed


class PortTests(ScopeCase):
    """``own(port)``."""

    make_clock = ListeningClock
    last_turns = (0, 1)

    def setUp(self) -> None:
        """Make what is owned."""
        super().setUp()
        self.factory = Factory.forProtocol(Protocol)
        self.port: MemoryPort = self.scope.own(self.clock.listenTCP(0, self.factory))

    def test_told_in_the_drain_pass(self) -> None:
        """A port stops in the turn in which closing begins, though it was owned first."""
        closing: list[int] = []
        self.scope.own(object(), close=lambda: closing.append(self.port.told))
        closed = self.scope.close()
        self.assertEqual(closing, [1])
        self.clock.advance(0)
        self.successResultOf(closed)
        self.assertFalse(self.port.listening)

    def test_stops_by_itself(self) -> None:
        """A port that somebody stops leaves the tree, and is itself again."""
        stopped = self.port.stopListening()
        assert stopped is not None
        self.clock.advance(0)
        self.successResultOf(stopped)
        self.assertEqual(self.owned(), 0)
        self.assertFalse({"connectionLost", "stopListening"} & set(vars(self.port)))

    def test_stopped_before(self) -> None:
        """A port that had stopped before it was owned does not hold up the close."""
        self.port.stopListening()
        self.clock.advance(0)
        self.scope.own(self.port)
        self.successResultOf(self.scope.close())

    def test_told_twice(self) -> None:
        """Whoever stops a port that is being stopped waits for the same end."""
        first, second = self.port.stopListening(), self.port.stopListening()
        assert first is not None and second is not None
        self.clock.advance(0)
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertEqual(self.port.told, 1)

    def test_refused(self) -> None:
        """A port that a closed scope is given stops at once."""
        self.scope.abort()
        port = self.clock.listenTCP(0, self.factory)
        self.assertRaises(ResourceClosed, self.scope.own, port)
        self.clock.advance(0)
        self.assertFalse(port.listening)

    def test_no_grace(self) -> None:
        """A port loses nothing by an abort: without any grace, too, it counts as closed."""
        for end in (lambda: self.scope.close(0), lambda: self.scope.abort()):
            end()
            self.clock.advance(0)
            run = self.scope._node.run
            assert run is not None
            self.assertEqual((run.outcome.closed, run.outcome.aborted), ({"port": 1}, {}))
            self.scope = Scope(self.clock, "again")
            self.scope.own(self.clock.listenTCP(0, self.factory))

    def test_foreign(self) -> None:
        """A port of which only the interface is known is stopped, and waited for no longer."""
        clock: Any = MemoryReactorClock()
        clock.removeSystemEventTrigger = lambda _: None
        scope = Scope(clock, "foreign")
        scope.own(clock.listenTCP(0, self.factory))
        self.successResultOf(scope.close())

    def test_fails_to_stop(self) -> None:
        """A port that fails to stop is logged, and holds up nothing."""
        port: Any = self.clock.listenTCP(0, self.factory)
        vars(port)["stopListening"] = lambda: fail(ValueError())
        self.scope.own(port)
        closed = self.scope.close()
        self.clock.advance(0)
        self.successResultOf(closed)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_freed_without_collector(self) -> None:
        """A port that has stopped is freed with the collector off."""
        self.check_freed("port")


class ProducingWire(Wire):
    """A wire that stops its producer first, as Twisted's own transports do."""

    socket = None  # what those have that are open

    def __init__(self, clock: Clock, producer: Any) -> None:
        super().__init__(clock)
        self.producer = producer

    def connectionLost(self, reason: Failure) -> None:
        """Stop the producer, then tell the protocol."""
        if self.producer is not None:
            self.producer.stopProducing()
            self.producer = None
        super().connectionLost(reason)


class Unstoppable:
    """A producer that cannot be stopped."""

    def stopProducing(self) -> None:
        """Raise."""
        raise ValueError("not now")


class LossTests(SynchronousTestCase):
    """What goes wrong when a connection is lost."""

    def test_a_producer_that_cannot_be_stopped(self) -> None:
        """The protocol hears the end all the same, once; the producer's error is logged."""
        clock = ListeningClock()
        scope = Scope(clock, "server", grace=1)
        factory: Any = scope.own(Factory.forProtocol(Counting))
        wire = ProducingWire(clock, Unstoppable())
        protocol = wire.connect(factory.buildProtocol(None))
        closed = scope.close()
        clock.advance(0)
        self.successResultOf(closed)
        self.assertEqual(protocol.ends, 1)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_a_protocol_that_raises(self) -> None:
        """The error of a protocol is passed on to the reactor, and the connection is gone."""
        clock = ListeningClock()
        scope = Scope(clock, "server", grace=1)
        factory: Any = scope.own(Factory.forProtocol(Raising))
        wire = Wire(clock)
        wire.connect(factory.buildProtocol(None))
        closed = scope.close()
        self.assertRaises(ValueError, clock.advance, 0)
        self.successResultOf(closed)


class Counting(Protocol):
    """Counts its ends."""

    ends = 0

    def connectionLost(self, reason: Any = None) -> None:
        """Count."""
        self.ends += 1


class Raising(Protocol):
    """Cannot be told."""

    def connectionLost(self, reason: Any = None) -> None:
        """Raise."""
        raise ValueError("not now")
