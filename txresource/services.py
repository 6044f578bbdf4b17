"""The mixin for services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from txresource.arguments import check_base
from txresource.closing import close_node
from txresource.connections import installed_reactor
from txresource.errors import ResourceClosed
from txresource.hooks import hook_method
from txresource.root import ScopeNode, root_node
from txresource.scope import Scope
from txresource.sites import caller_site
from txresource.tree import CLOSED, Node

__all__ = ("ManagedServiceMixin",)


class ManagedServiceMixin:
    """
    Mix into a ``Service``: what ``self.scope`` owns is closed when the service has stopped.

    The order is that of a block: first ``stopService`` as it is written, then the scope; where
    the former takes longer than the grace, the scope does not wait for it. When it is the reactor
    that stops, or a scope above that closes, the scope does not wait for ``stopService``: what has
    to happen at the end belongs into the ``close=`` of what it needs.

    Holds in either order of bases, and when an override does not call up.

    :cvar reactor: ``None``: the installed one, looked up when first needed.
    :cvar grace: seconds that the scope gives to work in flight; ``None``: all that the reactor's
        root has.
    """

    reactor: Any = None
    grace: float | None = None
    _node: Node | None = None
    _stopping = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        hook_method(cls, "startService", _start)
        hook_method(cls, "stopService", _stop)

    @property
    def scope(self) -> Scope:
        """
        The scope of the running service; the parent service's is above it, if it has one.

        :raises ResourceClosed: the service has stopped, or the reactor is stopping.
        """
        node = self._node
        if node is None:
            check_base(self, "startService", "ManagedServiceMixin", "Service")
            parent = getattr(self, "parent", None)
            above = (
                parent.scope._node
                if isinstance(parent, ManagedServiceMixin)
                else root_node(self.reactor or installed_reactor())
            )
            node = ScopeNode(above, type(self).__qualname__, self.grace, caller_site())
            above.adopt(node)
            self._node = node
        elif node.state is CLOSED:
            raise ResourceClosed(f"{type(self).__qualname__} has stopped")
        return Scope._of(node)


def _start(service: ManagedServiceMixin, start: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    if service._node is not None and service._node.state is CLOSED:
        service._node = None
    return start(*args)


def _stop(service: ManagedServiceMixin, stop: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    if service._stopping:
        return stop(*args)
    service._stopping = True
    try:
        stopped: Deferred[Any] = maybeDeferred(stop, *args)
    finally:
        service._stopping = False
    node = service._node
    if node is None or node.state is CLOSED:
        return stopped
    grace = node.grace if node.grace is not None else root_node(node.reactor).grace
    bound = node.reactor.callLater(grace, close_node, node)

    def close(result: Any) -> Deferred[Any]:
        if bound.active():
            bound.cancel()
        closed: Deferred[Any] = close_node(node).waiter()
        # The error of stopService is the one to hear about; that of the close has been logged.
        return closed.addCallbacks(
            lambda _: result, lambda f: result if isinstance(result, Failure) else f
        )

    return stopped.addBoth(close)
