"""Closers of services."""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.task import deferLater

from txresource.closers.network import raw_transport
from txresource.registry import BaseCloser, register_closer
from txresource.sites import Site, code_site
from txresource.tree import Node

__all__ = (
    "ClientNode",
    "ClientServiceCloser",
    "CollectionCloser",
    "ServiceCloser",
)


class ServiceCloser(BaseCloser):
    """A service: ``stopService`` in the release pass, when what is newer has gone."""

    kind = "service"

    def node(self, parent: Node, thing: Any, name: str | None, site: Site | None) -> Node:
        """A service that Twisted made for somebody is known by the line of its ``stopService``."""
        site = site or code_site(getattr(type(thing), "stopService", None))
        return super().node(parent, thing, name, site)

    def reveal(self, node: Node) -> None:
        """
        Show the services in a plain ``MultiService`` one by one.

        They are stopped at the same time, as it would have done itself; but each is waited for,
        and named, by its own.
        """
        service = node.thing
        if getattr(type(service), "stopService", None) is not MultiService.stopService:
            return
        shown = tuple(service)
        node.closer = CollectionCloser(shown)
        for child in shown:
            node.hang(self.node(node, child, None, None))

    def close(self, node: Node) -> Deferred[Any] | None:
        """Stop it if it runs."""
        if not getattr(node.thing, "running", True):
            return None
        return maybeDeferred(node.thing.stopService)


class CollectionCloser(ServiceCloser):
    """
    A plain ``MultiService`` whose services are nodes of their own.

    :param shown: those services.
    """

    counted = False

    def __init__(self, shown: tuple[Any, ...]) -> None:
        self._shown = shown

    def reveal(self, node: Node) -> None:
        """Done already."""

    def close(self, node: Node) -> Deferred[Any] | None:
        """Stop what was added since; the service itself has nothing more to do."""
        if not node.thing.running:
            return None
        Service.stopService(node.thing)
        late = [maybeDeferred(s.stopService) for s in node.thing if s not in self._shown]
        return DeferredList(late, fireOnOneErrback=True, consumeErrors=True) if late else None


class ClientNode(Node):
    """
    The node of a ``ClientService``.

    :ivar transport: of the connection it had when it was stopped.
    :ivar stopping: fires when it has stopped; ``None``: it has not been told.
    """

    __slots__ = ("stopping", "transport")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.stopping: Deferred[Any] | None = None
        self.transport: Any = None


class ClientServiceCloser(ServiceCloser):
    """
    A ``ClientService``: stopped in the release pass; at the deadline its connection is aborted, for
    which it would wait without end.
    """

    def node(self, parent: Node, thing: Any, name: str | None, site: Site | None) -> Node:
        """A node that can keep the transport."""
        return ClientNode(parent, self, thing, name, site)

    def close(self, node: Node) -> Deferred[Any] | None:
        """Stop it if it runs."""
        assert isinstance(node, ClientNode)
        if node.thing.running and node.stopping is None:
            try:
                node.stopping = _stop_client(node.thing, node)
            except RuntimeError:
                # One of its own callbacks closes it, which its machine refuses; a turn later it is
                # through with them.
                node.stopping = deferLater(node.reactor, 0, _stop_client, node.thing, node)
        return node.stopping

    def abort(self, node: Node) -> bool:
        """Stop it, and abort its connection."""
        assert isinstance(node, ClientNode)
        told = node.stopping is not None
        stopping = self.close(node)
        if stopping is None:
            node.ended()
        elif not told:
            stopping.addBoth(lambda _: node.ended())
        if node.transport is not None:
            raw = raw_transport(node.transport)
            (getattr(raw, "abortConnection", None) or raw.loseConnection)()
        return node.thing is None or node.transport is not None


def _stop_client(service: Any, node: ClientNode) -> Deferred[Any]:
    """
    Stop the service, and note the connection that it waits for.

    :raises RuntimeError: it is in the middle of telling somebody something.
    """
    service.whenConnected().addCallbacks(
        lambda protocol: setattr(node, "transport", getattr(protocol, "transport", None)),
        lambda failure: None,  # there is none, and there will be none
    )
    stopping: Deferred[Any] = service.stopService()
    return stopping


register_closer(IService, ServiceCloser())
# The one name is that of newer releases of Twisted, the other of older ones.
register_closer("twisted.application._client_service.ClientService", ClientServiceCloser())
register_closer("twisted.application.internet.ClientService", ClientServiceCloser())
