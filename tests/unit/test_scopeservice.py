"""A scope as a service."""

from __future__ import annotations

from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred

from tests.unit.closing_case import ClosingCase
from txresource import root_scope


class ScopeServiceTests(ClosingCase):
    """``as_service()``."""

    def test_stop(self) -> None:
        """Stopping the service closes the scope, and waits for it."""
        service = self.scope.as_service()
        self.assertTrue(IService.providedBy(service))
        waits: Deferred[None] = Deferred()
        self.own("x", close=waits)
        parent = MultiService()
        service.setServiceParent(parent)
        parent.startService()
        self.assertEqual((self.scope.state, self.heard), ("open", []))
        stopped = parent.stopService()
        self.assertNoResult(stopped)
        waits.callback(None)
        self.successResultOf(stopped)
        self.assertEqual((self.scope.state, service.running), ("closed", 0))

    def test_stopped_by_the_close_of_a_parent(self) -> None:
        """Stopped in a close that has told the scope already, it does not wait for the grace."""
        root = root_scope(self.clock)
        self.own("x")
        services = MultiService()
        self.scope.as_service().setServiceParent(services)
        services.startService()
        root.own(services)
        self.successResultOf(root.close())
        self.assertEqual((self.scope.state, self.heard), ("closed", ["drain x", "close x"]))

    def test_error(self) -> None:
        """An error of the close is reported by ``stopService``."""
        self.own("x", close=ValueError())
        self.failureResultOf(self.scope.as_service().stopService(), ValueError)
        self.flushLoggedErrors(ValueError)

    def test_holds_the_scope(self) -> None:
        """A scope of which only the service is left stays open."""
        scope = self.child("kept")
        self.handles.clear()
        service = scope.as_service()
        del scope
        self.assertIn("kept open", repr(service))
        self.successResultOf(service.stopService())
