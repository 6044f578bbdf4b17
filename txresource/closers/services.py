"""The closer of services."""

from __future__ import annotations

from twisted.application.service import IService
from twisted.internet.defer import Deferred, maybeDeferred

from txresource.registry import BaseCloser, register_closer
from txresource.tree import Node

__all__ = ("ServiceCloser",)


class ServiceCloser(BaseCloser):
    """A service: ``stopService`` in the release pass, when what is newer has gone."""

    kind = "service"

    def close(self, node: Node) -> Deferred[object] | None:
        """Stop it if it runs."""
        if not getattr(node.thing, "running", True):
            return None
        return maybeDeferred(node.thing.stopService)


register_closer(IService, ServiceCloser())
