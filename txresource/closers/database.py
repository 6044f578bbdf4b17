"""The closer of database connection pools."""

from __future__ import annotations

from typing import Any

from txresource.closers.threads import ThreadPoolCloser
from txresource.registry import register_closer
from txresource.tree import Node

__all__ = ("DatabaseCloser",)


class DatabaseCloser(ThreadPoolCloser):
    """
    A ``ConnectionPool`` of adbapi: queries under way have the grace, then nothing new is taken;
    its database connections are closed when its threads have ended.

    A query that never returns is abandoned, with its connection: a driver may not be told to close
    a connection that another thread is using.
    """

    kind = "database"

    def pool(self, node: Node) -> Any:
        """The thread pool in it."""
        return node.thing.threadpool

    def abort(self, node: Node) -> bool:
        """As a thread pool; what is given up is not closed by the reactor's shutdown either."""
        database, reactor = node.thing, node.reactor
        if super().abort(node):
            return True
        if database.shutdownID:
            reactor.removeSystemEventTrigger(database.shutdownID)
            database.shutdownID = None
        return False

    def finish(self, node: Node) -> None:
        """Close the database connections; there is nothing left for it to wait for."""
        node.thing.close()


register_closer("twisted.enterprise.adbapi.ConnectionPool", DatabaseCloser())
