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
from txresource.registry import BaseCloser
from txresource.root import ScopeCloser, ScopeNode, root_node
from txresource.scope import Scope
from txresource.sites import caller_site
from txresource.tree import CLOSED, Node

__all__ = (
    "ManagedServiceMixin",
    "ServiceScopeCloser",
    "StoppedCloser",
    "StoppedNode",
)


class ManagedServiceMixin:
    """
    Mix into a ``Service``: what ``self.scope`` owns is closed when the service has stopped.

    The order is that of a block, whether somebody stops the service, the reactor stops, or a scope
    above closes: first ``stopService`` as it is written, once after each start, then the scope;
    where the former takes longer than the grace, the scope does not wait for it. When the service
    is stopped by the close of what is above it, ports and loops have stopped already.

    Holds in either order of bases, and when an override does not call up.

    :cvar reactor: ``None``: the installed one, looked up when first needed.
    :cvar grace: seconds that the scope gives to work in flight; ``None``: all that the reactor's
        root has.
    """

    reactor: Any = None
    grace: float | None = None
    _node: Node | None = None
    _started = False
    #: Whether ``stopService`` as it is written is being called.
    _calling = False
    #: Fires with ``None`` when that has ended, or has had its time; ``None``: not called yet.
    _ended: Deferred[None] | None = None

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
            node.closer, node.thing = _SCOPE, self
            above.adopt(node)
            self._node = node
        elif node.state is CLOSED:
            raise ResourceClosed(f"{type(self).__qualname__} has stopped")
        return Scope._of(node)


class ServiceScopeCloser(ScopeCloser):
    """The scope of a service; the service is stopped before anything else in it is released."""

    def reveal(self, node: Node) -> None:
        """Make the service the newest of what is in its scope."""
        service = node.thing
        if service._started and not (service._ended and service._ended.called):
            node.hang(StoppedNode(node, _STOPPED, service, node.name, node.site))


class StoppedNode(Node):
    """The place of a service in its own scope; that where somebody owns it, if any, is another."""

    __slots__ = ()
    noted = False


class StoppedCloser(BaseCloser):
    """A service that is stopped because its scope closes."""

    kind = "service"
    counted = False  # it is owned as a service, too, where somebody counts those

    def close(self, node: Node) -> Deferred[Any]:
        """Stop it as it is written, or wait for whoever does so already."""
        service = node.thing
        return _stop_once(service, service.stopService, ())


_SCOPE = ServiceScopeCloser()
_STOPPED = StoppedCloser()


def _start(service: ManagedServiceMixin, start: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    if service._node is not None and service._node.state is CLOSED:
        service._node = None
    service._started, service._ended = True, None
    return start(*args)


def _stop(service: ManagedServiceMixin, stop: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    if service._calling:
        return stop(*args)
    stopped = _stop_once(service, stop, args)
    node = service._node
    if node is None or node.state is CLOSED:
        return stopped
    grace = node.grace if node.grace is not None else root_node(node.reactor).grace
    bound = node.reactor.callLater(grace, _close_without, service, node)

    def close(result: Any) -> Deferred[Any]:
        if bound.active():
            bound.cancel()
        closed: Deferred[Any] = close_node(node).waiter()
        # The error of stopService is the one to hear about; that of the close has been logged.
        return closed.addCallbacks(
            lambda _: result, lambda f: result if isinstance(result, Failure) else f
        )

    return stopped.addBoth(close)


def _stop_once(
    service: ManagedServiceMixin, stop: Callable[..., Any], args: tuple[Any, ...]
) -> Deferred[Any]:
    """
    Call ``stopService`` as it is written, unless that was done since the service started.

    :returns: a Deferred of what it returned; where it was called before, one that fires with
        ``None`` when that has ended.
    """
    if service._ended is not None:
        joined: Deferred[None] = Deferred()
        service._ended.addCallback(lambda _: joined.callback(None))
        return joined
    ended = service._ended = Deferred()
    service._calling = True
    try:
        stopped: Deferred[Any] = maybeDeferred(stop, *args)
    finally:
        service._calling = False
    return stopped.addBoth(_tell, ended)


def _tell(result: Any, ended: Deferred[None]) -> Any:
    if not ended.called:
        ended.callback(None)
    return result


def _close_without(service: ManagedServiceMixin, node: Node) -> None:
    """Close the scope, though the service has not stopped yet."""
    if service._ended is not None:
        _tell(None, service._ended)
    close_node(node)
