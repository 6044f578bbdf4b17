"""Services that a scope owns."""

from __future__ import annotations

from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

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


class ServiceTests(SynchronousTestCase):
    """``own(service)``."""

    def setUp(self) -> None:
        """A scope on a clock that must be empty at the end."""
        self.clock = Clock()
        self.scope = Scope(self.clock, "services", grace=4)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(self.scope.abort)

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
