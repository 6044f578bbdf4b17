"""Closers of connections that are given to a scope by their transport or their connector."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.interfaces import IConnector, ITCPTransport, IUNIXTransport
from twisted.internet.protocol import ReconnectingClientFactory

from txresource.closers.attempts import connect_no_more, refuse_to_connect
from txresource.closers.network import (
    CONNECTION,
    Connection,
    PolicyCloser,
    raw_transport,
    watch,
)
from txresource.registry import BaseCloser, register_closer, unhook
from txresource.sites import Site
from txresource.tree import OPEN, Node

__all__ = (
    "ConnectorCloser",
    "TransportCloser",
)


#: Where Twisted tells a connector that it is disconnected.
_TOLD = ("connectionFailed", "connectionLost")


class TransportCloser(BaseCloser):
    """
    A connected transport: the connection at its bottom, which has one node, however often and by
    whichever of its layers it is owned.
    """

    kind = "connection"

    def node(self, parent: Node, thing: Any, name: str | None, site: Site | None) -> Node:
        """A node whose thing becomes the outermost protocol."""
        node = Connection(parent, self, thing, raw_transport(thing), site)
        node.name = name
        return node

    def attach(self, node: Node) -> Any:
        """Note when the connection is lost; what is used is the transport that was given."""
        assert isinstance(node, Connection)
        given, raw = node.thing, node.transport
        node.thing, node.closer = getattr(raw, "protocol", None) or given, CONNECTION
        if getattr(raw, "connected", True):
            watch(raw, node.thing, node.ended)
        else:
            node.ended()
        return given


class ConnectorCloser(PolicyCloser):
    """
    A connector: it connects no more from the drain pass on; its connection is closed as any other.

    One that reconnects by itself stays in the tree between its connections.
    """

    kind = "connector"

    def ends(self, node: Node) -> tuple[Any, Any]:
        """Of the connection that it has at the moment."""
        raw = node.thing.transport
        return raw.protocol, raw

    def attach(self, node: Node) -> Any:
        """Note when it is disconnected."""
        connector = node.thing
        if _has_ended(connector):
            node.ended()
        elif hasattr(
            connector, "connectionLost"
        ):  # not in IConnector: then only told to disconnect
            for name in _TOLD:
                setattr(connector, name, partial(_disconnected, node, getattr(connector, name)))
        return connector

    def drain(self, node: Node) -> bool:
        """Give up an attempt; say goodbye on a connection."""
        connector = node.thing
        connector.connect = partial(refuse_to_connect, node.label())
        factory = getattr(connector, "factory", None)
        if isinstance(factory, ReconnectingClientFactory):
            factory.stopTrying()
        if node.thing is None:  # that was an attempt, and its end
            return True
        if _is_connected(connector):
            return super().drain(node)
        connector.disconnect()
        _let_go(node, connector)
        return True

    def abort(self, node: Node) -> bool:
        """Give up an attempt; abort a connection."""
        return super().abort(node) if _is_connected(node.thing) else self.drain(node)


def _is_connected(connector: Any) -> bool:
    return bool(getattr(connector, "state", None) == "connected")


def _has_ended(connector: Any) -> bool:
    factory = getattr(connector, "factory", None)
    if isinstance(factory, ReconnectingClientFactory) and factory.continueTrying:
        return False
    return bool(getattr(connector, "state", None) == "disconnected")


def _disconnected(node: Node, told: Any, *args: Any) -> None:
    connector = node.thing
    try:
        told(*args)
    finally:
        if node.state is not OPEN or _has_ended(connector):
            _let_go(node, connector)


def _let_go(node: Node, connector: Any) -> None:
    unhook(connector, *_TOLD)
    if isinstance(connector.connect, partial):  # it holds nothing of ours from now on
        connector.connect = connect_no_more
    node.ended()


register_closer(ITCPTransport, TransportCloser())
register_closer(IUNIXTransport, TransportCloser())
register_closer(IConnector, ConnectorCloser())
