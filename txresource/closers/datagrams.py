"""The closer of sockets that send and receive datagrams."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import (
    IUDPTransport,
    IUNIXDatagramConnectedTransport,
    IUNIXDatagramTransport,
)

from txresource.closers.network import PortCloser
from txresource.registry import register_closer
from txresource.tree import Node

__all__ = ("DatagramCloser",)


class DatagramCloser(PortCloser):
    """
    A datagram socket, UDP or UNIX: closed in the release pass, when what is newer has gone.

    Not in the drain pass: it carries the questions and answers of work that is in flight, and
    which of the two a datagram is, only its protocol can tell.
    """

    kind = "datagrams"

    def drain(self, node: Node) -> bool:
        """Stay, for what is still under way."""
        return False

    def close(self, node: Node) -> Any:
        """Stop to listen, and to send."""
        return super().close(node)


register_closer("twisted.internet.udp.Port", DatagramCloser())
register_closer(IUDPTransport, DatagramCloser())
register_closer(IUNIXDatagramTransport, DatagramCloser())
register_closer(IUNIXDatagramConnectedTransport, DatagramCloser())
