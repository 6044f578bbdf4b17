"""Pictures of connections that are open, with the bytes that the kernel has counted for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from txresource.closers.network import Connection, raw_transport
from txresource.tcpinfo import byte_counts, read_tcp_info
from txresource.tree import Node

__all__ = (
    "LiveConnection",
    "LiveConnections",
    "live_connections",
    "traffic",
)


@dataclass(frozen=True, slots=True)
class LiveConnection:
    """
    A connection that is open.

    The bytes are those on the wire, under TLS encrypted and with its handshake. The kernel has
    counted them all along and is asked when this is made: no connection is slower for it.

    :ivar protocol: the name of its protocol's type.
    :ivar peer: the address of the other end.
    :ivar age: seconds since it was made.
    :ivar state: ``open``, ``draining``, ``closing`` or ``aborting``.
    :ivar received: bytes that have arrived, read by the program or not. ``None``: not known; so
        wherever it is not TCP on Linux.
    :ivar sent: bytes that were sent, each counted once; not what still waits in the program or in
        the kernel. ``None``: not known.
    """

    protocol: str
    peer: Any
    age: float
    state: str
    received: int | None
    sent: int | None


class LiveConnections(Sequence[LiveConnection]):
    """
    The connections of a factory that nobody may edit, oldest first, as they are at each look.

    :param owner: the node of the factory.
    """

    def __init__(self, owner: Node) -> None:
        self._owner = owner

    def __len__(self) -> int:
        return len(_connections(self._owner))

    def __getitem__(self, index: Any) -> Any:
        return live_connections(self._owner)[index]

    def __iter__(self) -> Iterator[LiveConnection]:
        return iter(live_connections(self._owner))

    def __repr__(self) -> str:
        return repr(live_connections(self._owner))


def _connections(owner: Node) -> list[Connection]:
    return [child for child in owner.children or () if isinstance(child, Connection)]


def live_connections(owner: Node) -> tuple[LiveConnection, ...]:
    """The connections right below a node, oldest first."""
    now = owner.reactor.seconds()
    return tuple(_picture(node, now) for node in _connections(owner))


def _picture(node: Connection, now: float) -> LiveConnection:
    received, sent = traffic(node.transport)
    return LiveConnection(
        protocol=node.label(),
        peer=node.transport.getPeer(),
        age=now - node.born,
        state=node.state,
        received=received,
        sent=sent,
    )


def traffic(transport: Any) -> tuple[int | None, int | None]:
    """
    Ask the kernel for the bytes of a connection.

    :param transport: any; of a stack of wrappers the socket at the bottom is asked.
    :returns: received and sent; ``None`` for what is not known: no TCP, no Linux, an old kernel,
        a socket that is closed.
    """
    get_handle = getattr(raw_transport(transport), "getHandle", None)
    try:
        return byte_counts(b"" if get_handle is None else read_tcp_info(get_handle()))
    except AttributeError:  # Twisted drops the socket when it closes it
        return None, None
