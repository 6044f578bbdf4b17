"""The closer of services."""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred

from txresource.registry import BaseCloser, register_closer
from txresource.sites import Site, code_site
from txresource.tree import Node

__all__ = (
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


register_closer(IService, ServiceCloser())
