"""The closer of twisted.web's pools of client connections."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from txresource.closers.network import connected, raw_transport, watch
from txresource.errors import ResourceClosed
from txresource.registry import BaseCloser, register_closer
from txresource.sites import Site, caller_site
from txresource.tree import OPEN, Node

__all__ = (
    "ConnectingCloser",
    "ConnectionPoolCloser",
    "OwnedEndpoint",
)


class ConnectionPoolCloser(BaseCloser):
    """
    An ``HTTPConnectionPool``: its connections, in use or idle, are nodes below it. From the drain
    pass on it makes no new one and keeps none; a request under way has the grace, and is never
    sent again on another connection.

    A connection that was in use before the pool was owned is known when its answer has come.
    """

    kind = "pool"
    counted = False

    def attach(self, node: Node) -> Any:
        """Know every connection from now on."""
        pool = node.thing
        if vars(pool).get("getConnection") is _refuse:
            node.ended()
        else:
            pool.getConnection = partial(_get_connection, node, pool.getConnection)
        return pool

    def reveal(self, node: Node) -> None:
        """Show the idle connections from the time before the pool was owned."""
        for protocols in node.thing._connections.values():
            for protocol in protocols:
                if protocol.transport is not None:
                    _hang(node, protocol, None)

    def drain(self, node: Node) -> bool:
        """Keep no connection whose request is answered."""
        node.thing.cachedConnectionTimeout = 0
        return False

    def close(self, node: Node) -> None:
        """Let go of what it keeps; the connections have gone before."""
        node.thing.closeCachedConnections()
        node.thing.getConnection = _refuse  # for good, and without a hold on the node

    def abort(self, node: Node) -> bool:
        """The same."""
        self.close(node)
        node.ended()
        return True


class ConnectingCloser(BaseCloser):
    """An attempt to connect, of which nothing has been sent yet: cancelled in the drain pass."""

    kind = "connecting"

    def attach(self, node: Node) -> Any:
        """Note the end of the attempt."""

        def done(result: Any) -> Any:
            node.ended()
            return result

        return node.thing.addBoth(done)

    def drain(self, node: Node) -> bool:
        """Cancel it."""
        node.thing.cancel()
        return True


_CONNECTING = ConnectingCloser()


@implementer(IStreamClientEndpoint)
class OwnedEndpoint:
    """
    Connects for a pool that a scope owns, while that is open.

    :param node: the node of the pool.
    :param endpoint: where to.
    """

    def __init__(self, node: Node, endpoint: Any) -> None:
        self._node = node
        self._endpoint = endpoint
        self._site = caller_site()

    def __repr__(self) -> str:
        return repr(self._endpoint)

    def connect(self, factory: Any) -> Deferred[Any]:
        """
        Connect.

        :returns: a Deferred of the protocol. It fails with
            :class:`~txresource.errors.ResourceClosed` when the pool closes before, else as the
            endpoint's own does; cancelling it cancels the attempt.
        """
        if self._node.state is not OPEN:
            return _refuse()
        connecting = Node(
            self._node, _CONNECTING, self._endpoint.connect(factory), "an attempt", self._site
        )
        attempt: Deferred[Any] = _CONNECTING.attach(connecting)
        if connecting.state is OPEN:
            self._node.hang(connecting)
        return attempt.addCallbacks(self._made, self._failed)

    def _made(self, protocol: Any) -> Any:
        if self._node.state is not OPEN:
            raw_transport(protocol.transport).abortConnection()
            return _refuse()
        _hang(self._node, protocol, self._site)
        return protocol

    def _failed(self, failure: Failure) -> Any:
        return failure if self._node.state is OPEN else _refuse()


def _get_connection(node: Node, get: Any, key: Any, endpoint: Any) -> Deferred[Any]:
    if node.state is not OPEN:
        return _refuse()
    connection: Deferred[Any] = get(key, OwnedEndpoint(node, endpoint))
    return connection


def _refuse(*_: Any) -> Deferred[Any]:
    return fail(ResourceClosed("the connection pool is closed"))


def _hang(node: Node, protocol: Any, site: Site | None) -> None:
    """Hang a connection below the pool, once."""
    raw = raw_transport(protocol.transport)
    if node.root.node_of(id(raw)) is None:
        connection = connected(node, getattr(raw, "protocol", None) or protocol, raw)
        connection.site = site
        watch(raw, connection.thing, connection.ended)


register_closer("twisted.web.client.HTTPConnectionPool", ConnectionPoolCloser())
