"""The mixin for services."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txresource import ManagedServiceMixin, root_scope
from txresource.errors import ResourceClosed


class First(ManagedServiceMixin, Service):
    """The usual order; the overrides do not call up."""

    stops: Any = None

    def __init__(self, clock: Clock) -> None:
        self.reactor = clock
        self.order: list[str] = []

    def startService(self) -> None:
        """Own something."""
        self.scope.own(object(), close=lambda: self.order.append("scope"))

    def stopService(self) -> Any:
        """Stop as the test wants."""
        self.order.append("stop")
        return self.stops() if callable(self.stops) else self.stops


class Second(First):
    """Overrides that call up: hooked twice."""

    def stopService(self) -> Any:
        """Stop by the base."""
        return super().stopService()


class Last(Service, ManagedServiceMixin):
    """The other order, with nothing of its own."""


class Family(ManagedServiceMixin, MultiService):
    """A managed service of services."""


class ServiceTests(SynchronousTestCase):
    """``ManagedServiceMixin``."""

    def setUp(self) -> None:
        """A clock that must be empty at the end."""
        self.clock = Clock()
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def test_stop_then_scope(self) -> None:
        """``stopService`` runs as written, is waited for, then the scope closes; once."""
        for kind in (First, Second):
            service, waits = kind(self.clock), Deferred[int]()
            service.stops = waits
            service.startService()
            stopped = service.stopService()
            self.assertEqual(service.order, ["stop"])
            waits.callback(5)
            self.assertEqual(service.order, ["stop", "scope"])
            self.assertEqual(self.successResultOf(stopped), 5)
            self.assertRaises(ResourceClosed, lambda s=service: s.scope)

    def test_either_order(self) -> None:
        """The mixin holds after the service class as well, and the scope closes when it stops."""
        service = Last()
        service.reactor = self.clock
        service.startService()
        call = service.scope.call_later(9, int)
        self.successResultOf(service.stopService())
        self.assertFalse(call.active())

    def test_restart(self) -> None:
        """A service that starts again has a new scope."""
        service = First(self.clock)
        for _ in range(2):
            service.startService()
            self.assertEqual(service.scope.state, "open")
            self.successResultOf(service.stopService())
        self.assertEqual(service.order, ["stop", "scope"] * 2)

    def test_hangs(self) -> None:
        """When ``stopService`` takes longer than the grace, the scope does not wait for it."""
        service = First(self.clock)
        service.grace = 2.0
        service.stops = Deferred()
        service.startService()
        stopped = service.stopService()
        self.clock.advance(1.9)
        self.assertEqual(service.order, ["stop"])
        self.clock.advance(0.1)
        self.assertEqual(service.order, ["stop", "scope"])
        self.assertNoResult(stopped)

    def test_closed_from_above(self) -> None:
        """Where a close from above comes first, the service is stopped, then its scope closes."""
        for kind in (First, Second):
            service, waits = kind(self.clock), Deferred[None]()
            service.stops = waits
            service.startService()
            closed = root_scope(self.clock).close()
            self.assertEqual(service.order, ["stop"])
            stopped = service.stopService()  # by the program, in the same turn
            waits.callback(None)
            self.assertEqual(service.order, ["stop", "scope"])
            self.successResultOf(closed)
            self.successResultOf(stopped)

    def test_closed_from_above_while_it_stops(self) -> None:
        """A close from above waits for a service that is stopping already."""
        service, waits = First(self.clock), Deferred[int]()
        service.stops = waits
        service.startService()
        stopped = service.stopService()
        closed = root_scope(self.clock).close()
        self.assertEqual(service.order, ["stop"])
        waits.callback(5)
        self.assertEqual(service.order, ["stop", "scope"])
        self.assertEqual(self.successResultOf(stopped), 5)
        self.successResultOf(closed)

    def test_hangs_from_above(self) -> None:
        """A service that a close from above stops in vain is named, and its scope closes."""
        service = First(self.clock)
        service.stops = Deferred
        service.startService()
        root = root_scope(self.clock)
        closed = root.close(1)
        self.clock.pump([0.1] * 30)
        self.successResultOf(closed)
        self.assertEqual(service.order, ["stop", "scope"])
        run = root._node.run
        assert run is not None
        self.assertEqual([gone.what for gone in run.outcome.abandoned], ["service First"])

    def test_never_started(self) -> None:
        """A service that was never started is not stopped by the close of what is above it."""
        service = First(self.clock)
        service.scope.call_later(9, int)
        self.successResultOf(root_scope(self.clock).close())
        self.assertEqual(service.order, [])

    def test_fails(self) -> None:
        """When ``stopService`` fails the scope closes, and it is that error that is heard."""

        def stops() -> None:
            raise ValueError

        def close() -> None:
            raise KeyError

        service = First(self.clock)
        service.stops = stops
        service.startService()
        service.scope.own(object(), close=close)
        self.failureResultOf(service.stopService(), ValueError)
        self.assertEqual(service.order, ["stop", "scope"])
        self.flushLoggedErrors(KeyError)

    def test_family(self) -> None:
        """The scope of a service hangs below that of the service that holds it."""
        family = Family()
        family.reactor = self.clock
        service = First(self.clock)
        service.setServiceParent(family)
        family.startService()
        names = [c.name for c in root_scope(self.clock).tree().children]
        self.assertEqual(names, ["Family"])
        self.successResultOf(family.stopService())
        self.assertEqual(service.order, ["stop", "scope"])

    def test_family_closed_from_above(self) -> None:
        """A managed service that stops others waits for their scopes, and they for no grace."""
        family = Family()
        family.reactor = self.clock
        service = First(self.clock)
        service.setServiceParent(family)
        family.startService()
        self.successResultOf(root_scope(self.clock).close())
        self.assertEqual(service.order, ["stop", "scope"])

    def test_freed_without_collector(self) -> None:
        """A service that has stopped is freed with the collector off."""
        gc.disable()
        self.addCleanup(gc.enable)
        service = Last()
        service.reactor = self.clock
        service.startService()
        service.scope.call_later(9, int)
        self.successResultOf(service.stopService())
        gone = weakref.ref(service)
        del service
        self.assertIsNone(gone())
