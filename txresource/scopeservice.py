"""A scope as a service of Twisted's."""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred

__all__ = ("ScopeService",)


class ScopeService(Service):
    """
    Closes a scope when the service is stopped; opens nothing when it is started.

    :param scope: the scope; held by this.
    """

    def __init__(self, scope: Any) -> None:
        self._scope = scope

    def __repr__(self) -> str:
        return f"<ScopeService of {self._scope!r}>"

    def stopService(self) -> Deferred[None]:
        """
        Close the scope.

        :returns: a Deferred that fires with ``None`` when all is released, or fails as
            :meth:`txresource.scope.Scope.close` says. Cancelling it withdraws this waiter.
        """
        super().stopService()
        closed: Deferred[None] = self._scope.close()
        return closed
