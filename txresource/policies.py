"""How protocols with our mixin are told: of connections, of child processes, of datagrams."""

from __future__ import annotations

from functools import cache
from typing import Any

from twisted.internet.protocol import AbstractDatagramProtocol, ProcessProtocol

from txresource.closers.goodbye import DrainPolicy, find_policy
from txresource.owning import attach
from txresource.registry import find_closer
from txresource.sites import caller_site
from txresource.tree import Node

__all__ = (
    "LONE_PROTOCOLS",
    "ManagedPolicy",
    "own_transport",
)

#: The protocols whose transport is no connection.
LONE_PROTOCOLS = (ProcessProtocol, AbstractDatagramProtocol)


class ManagedPolicy(DrainPolicy):
    """
    The goodbye of a protocol with the mixin: by its own ``draining`` and ``busy``, and for the rest
    as is right for a protocol of its kind.

    :param mixin: the mixin; the policy of the kind is that of the classes beyond it.
    """

    def __init__(self, mixin: type) -> None:
        self._mixin = mixin

    def _kind(self, protocol: Any) -> DrainPolicy:
        return find_policy(protocol, beyond=self._mixin)

    def busy(self, protocol: Any) -> bool:
        """Ask the protocol."""
        return bool(protocol.busy())

    def goodbye(self, protocol: Any, transport: Any) -> bool:
        """Let the protocol say goodbye itself, first."""
        protocol.draining()
        connection = protocol._connection
        if self.busy(protocol) or (connection is not None and connection.children):
            return False  # what the connection owns goes before it does
        return self._kind(protocol).goodbye(protocol, transport)

    def lose(self, protocol: Any, transport: Any) -> None:
        """As its kind."""
        self._kind(protocol).lose(protocol, transport)

    def expects(self, protocol: Any) -> bool:
        """As its kind."""
        return self._kind(protocol).expects(protocol)

    def linger(self, protocol: Any, transport: Any) -> None:
        """As its kind."""
        self._kind(protocol).linger(protocol, transport)

    def hear(self, protocol: Any, transport: Any) -> bool:
        """As its kind, unless the protocol says that it is busy."""
        return not self.busy(protocol) and self._kind(protocol).hear(protocol, transport)


class _LoneCloser:
    """
    The closer of a child process or datagram socket whose protocol has the mixin.

    :param closer: what else there is to do.
    """

    def __init__(self, closer: Any) -> None:
        self._closer = closer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._closer, name)

    def drain(self, node: Node) -> bool:
        """Let the protocol say goodbye itself, first."""
        protocol = _protocol_of(node)
        if protocol is not None:
            protocol.draining()
        return bool(self._closer.drain(node))

    def busy(self, node: Node) -> bool:
        """Ask the protocol."""
        protocol = _protocol_of(node)
        return bool(protocol is not None and protocol.busy())


def _protocol_of(node: Node) -> Any:
    """Of a process, or of a datagram port; ``None`` where it has heard its end."""
    return getattr(node.thing, "proto", None) or getattr(node.thing, "protocol", None)


_lone = cache(_LoneCloser)


def own_transport(owner: Node, transport: Any) -> Node:
    """
    Own what a protocol without a connection is made for.

    :returns: its node.
    :raises ResourceClosed: it is too late; it has been closed at once.
    """
    closer = find_closer(transport)
    node: Node = closer.node(owner, transport, None, caller_site())
    node.closer = _lone(closer)
    attach(owner, node, None)
    return node.known() or node  # somebody may have owned it before
