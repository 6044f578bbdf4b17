"""Services that a scope owns."""

from __future__ import annotations

from typing import Any

from twisted.application.internet import ClientService, TimerService
from twisted.application.service import MultiService, Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.unit.listening import Wire
from tests.unit.scope_case import ScopeCase
from txresource import Scope
from txresource.errors import ResourceClosed
from txresource.outcome import Outcome


class Stopping(Service):
    """A service that stops as the test wants."""

    def __init__(self, stops: Any = None) -> None:
        self.stops = stops
        self.told = 0

    def stopService(self) -> Any:
        """Count, then do as told."""
        super().stopService()
        self.told += 1
        if isinstance(self.stops, Exception):
            raise self.stops
        return self.stops


class ServiceTests(ScopeCase):
    """``own(service)``."""

    def own(self, stops: Any = None) -> Stopping:
        """Own a running service."""
        service: Stopping = self.scope.own(Stopping(stops))
        service.startService()
        return service

    def outcome(self) -> Outcome:
        """What became of all."""
        run = self.scope._node.run
        assert run is not None
        return run.outcome

    def test_stopped_and_waited_for(self) -> None:
        """A service is stopped in the release pass, when what is newer has gone, and waited for."""
        waits: list[Deferred[None]] = [Deferred(), Deferred()]
        service = self.own(waits[0])
        self.scope.own(object(), close=lambda: waits[1])
        closed = self.scope.close()
        self.assertEqual(service.told, 0)
        waits[1].callback(None)
        self.assertEqual(service.told, 1)
        self.assertNoResult(closed)
        waits[0].callback(None)
        self.successResultOf(closed)

    def test_not_running(self) -> None:
        """A service that does not run is not stopped."""
        service = self.own()
        service.stopService()
        self.successResultOf(self.scope.close())
        self.assertEqual(service.told, 1)

    def test_hangs(self) -> None:
        """A service that never stops is abandoned and named; the others are stopped all the same."""
        self.own(Deferred())
        other = self.own()
        closed = self.scope.close()
        self.clock.pump([0.1] * 56)
        self.successResultOf(closed)
        self.assertEqual(other.told, 1)
        (gone,) = self.outcome().abandoned
        self.assertIn("Stopping", gone.what)

    def test_raises(self) -> None:
        """A service whose ``stopService`` raises is abandoned, named with its error."""
        self.own(ValueError())
        other = self.own()
        self.failureResultOf(self.scope.close(), ValueError)
        self.assertEqual((other.told, self.outcome().abandoned[0].error), (1, "ValueError"))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_refused(self) -> None:
        """A running service that a closed scope is given is stopped at once."""
        self.scope.close()
        service = Stopping()
        service.startService()
        self.assertRaises(ResourceClosed, self.scope.own, service)
        self.assertEqual(service.told, 1)

    def test_collection(self) -> None:
        """The services in a plain ``MultiService`` are stopped together, each named by its own."""
        collection = MultiService()
        parts = [Stopping(), Stopping(Deferred()), Stopping()]
        for part in parts:
            part.setServiceParent(collection)
        self.scope.own(collection)
        collection.startService()
        closed = self.scope.close()
        self.assertEqual([part.told for part in parts], [1, 1, 1])
        self.clock.pump([0.1] * 56)
        self.successResultOf(closed)
        outcome = self.outcome()
        self.assertEqual((outcome.closed["service"], len(outcome.abandoned)), (2, 1))
        self.assertFalse(collection.running)


@implementer(IStreamClientEndpoint)
class Endpoint:
    """Connects when the test says."""

    def __init__(self, case: ClientServiceTests) -> None:
        self.case = case

    def connect(self, factory: Any) -> Deferred[Any]:
        """Wait for the test."""

        def connected(deaf: bool) -> Any:
            wire = Wire(self.case.clock, deaf)
            self.case.wires.append(wire)
            return wire.connect(factory.buildProtocol(None))

        attempt: Deferred[Any] = Deferred()
        self.case.attempts.append(attempt)
        return attempt.addCallback(connected)


class ClientServiceTests(ScopeCase):
    """``own(ClientService(…))``."""

    last_turns = (0, 0, 1)

    def setUp(self) -> None:
        """Make what is owned."""
        super().setUp()
        self.wires: list[Wire] = []
        self.attempts: list[Deferred[Any]] = []

    def own(self) -> ClientService:
        """Own a running service that connects when the test says."""
        endpoint = Endpoint(self)
        service: ClientService = self.scope.own(
            ClientService(endpoint, Factory.forProtocol(Protocol), lambda _: 1, self.clock)
        )
        service.startService()
        return service

    def connect(self, deaf: bool = False) -> None:
        """Let the attempt succeed."""
        self.attempts.pop().callback(deaf)

    def test_connected(self) -> None:
        """Its connection is lost softly, and it connects no more."""
        self.own()
        self.connect()
        closed = self.scope.close()
        self.assertEqual(self.wires[0].asked, ["lose"])
        self.clock.advance(0)
        self.successResultOf(closed)
        self.clock.advance(9)
        self.assertEqual(self.attempts, [])

    def test_silent_peer(self) -> None:
        """A connection that does not end is aborted at the deadline; plain, it waits for ever."""
        self.own()
        self.connect(deaf=True)
        closed = self.scope.close()
        self.clock.pump([0.1] * 56)
        self.successResultOf(closed)
        self.assertEqual(self.wires[0].asked, ["lose", "abort"])
        run = self.scope._node.run
        assert run is not None
        self.assertEqual((run.outcome.abandoned, run.outcome.aborted["service"]), ([], 1))

    def test_aborted(self) -> None:
        """Aborting aborts its connection, or its attempt to connect."""
        self.own()
        self.connect(deaf=True)
        self.scope.abort()
        self.assertEqual(self.wires[0].asked, ["lose", "abort"])
        self.clock.advance(0)
        self.assertEqual(self.scope.state, "closed")
        run = self.scope._node.run
        assert run is not None
        self.assertEqual(run.outcome.abandoned, [])
        self.scope = Scope(self.clock, "another")
        self.own()
        self.scope.abort()
        self.assertEqual(self.scope.state, "closed")

    def test_connecting(self) -> None:
        """An attempt to connect is cancelled, and who waits for it hears so."""
        waiting = self.own().whenConnected()
        self.successResultOf(self.scope.close())
        self.failureResultOf(waiting, CancelledError)

    def test_between_two_attempts(self) -> None:
        """A close between two attempts is the end of them."""
        self.own()
        self.attempts.pop().errback(ValueError())
        self.successResultOf(self.scope.close())
        self.assertEqual(self.attempts, [])

    def test_closed_by_its_own_callback(self) -> None:
        """The scope may be closed from a callback that the service calls as it connects."""
        self.own().whenConnected().addCallback(lambda _: closed.append(self.scope.close()))
        closed: list[Deferred[None]] = []
        self.connect()
        self.clock.pump([0, 0])
        self.successResultOf(closed[0])
        self.assertEqual(self.wires[0].asked, ["lose"])

    def test_aborted_by_its_own_callback(self) -> None:
        """It may even be aborted from there."""
        self.own().whenConnected().addCallback(lambda _: self.scope.abort())
        self.connect()
        self.clock.pump([0, 0])
        self.assertIn("lose", self.wires[0].asked)
        self.assertEqual(self.scope.state, "closed")

    def test_not_running(self) -> None:
        """One that does not run is closed at once."""
        self.own().stopService()
        self.successResultOf(self.scope.close())


class TimerServiceTests(SynchronousTestCase):
    """``own(TimerService(…))``."""

    def test_call_that_never_finishes(self) -> None:
        """A ``TimerService`` whose call never finishes is abandoned in time; plain, it never stops."""
        clock = Clock()
        scope = Scope(clock, "timer", grace=4)
        service = TimerService(1, Deferred)
        service.clock = clock
        scope.own(service)
        service.startService()
        closed = scope.close()
        clock.pump([0.1] * 56)
        self.successResultOf(closed)
        run = scope._node.run
        assert run is not None
        self.assertIn("TimerService", run.outcome.abandoned[0].what)
        self.assertNoResult(service.stopService())
        self.assertEqual(clock.getDelayedCalls(), [])
