"""Listening ports in a scope."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import fail
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock

from tests.unit.listening import ListeningClock, MemoryPort
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
