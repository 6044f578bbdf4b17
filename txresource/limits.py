"""How many connections a factory has at a time, at most."""

from __future__ import annotations

from typing import Any
from weakref import ref

from twisted.internet.protocol import Protocol
from twisted.logger import Logger
from twisted.protocols.policies import WrappingFactory

from txresource.closers.network import Connection, raw_transport
from txresource.tree import Node

__all__ = (
    "ConnectionLimit",
    "QUIET",
    "Refused",
    "limit_connections",
    "limit_of",
)

log = Logger()

#: Where a limit stands in a factory that does not say it by ``_limit_name``.
_LIMIT = "_txresource_limit"

#: Seconds without a refusal after which the limit counts as no longer reached.
QUIET = 10.0


class Refused(Protocol):
    """The protocol of a connection that is one too many: it is aborted at once."""

    def makeConnection(self, transport: Any) -> None:
        """Abort it. Not by building no protocol, which wrapping factories cannot take."""
        raw_transport(transport).abortConnection()


class ConnectionLimit:
    """
    Counts the connections of one factory, and says in the log when there are too many.

    Once when the first is refused, and once when none has been for a while: many peers, or a rude
    one, fill no log.

    :param node: the node of the factory.
    """

    __slots__ = ("_last", "_live", "_node", "_reactor", "_refused")

    def __init__(self, node: Node) -> None:
        self._node, self._reactor = ref(node), node.reactor  # the node has this one
        self._live = self._refused = 0
        self._last = 0.0
        for child in node.children or ():
            if isinstance(child, Connection):
                self.take(child)

    def refuses(self, most: int) -> bool:
        """
        Say whether one more connection is one too many, and note it.

        :param most: how many there may be.
        """
        if self._live < most:
            return False
        if not self._refused:
            log.warn(
                "{what} has {count} connections, as many as it may: more are refused",
                what=self._what(),
                count=self._live,
            )
        self._refused += 1
        self._last = self._reactor.seconds()
        return True

    def take(self, connection: Connection) -> None:
        """Count a connection until it ends; once, however often it is told."""
        if self not in connection.limits:
            connection.limits += (self,)
            self._live += 1
            self._look_back()

    def gone(self) -> None:
        """Count one less."""
        self._live -= 1
        self._look_back()

    def _what(self) -> str:
        node = self._node()
        return "a factory" if node is None else node.label()

    def _look_back(self) -> None:
        if self._refused and self._reactor.seconds() - self._last >= QUIET:
            log.info(
                "{what} takes connections again; {count} were refused",
                what=self._what(),
                count=self._refused,
            )
            self._refused = 0


def limit_connections(factory: Any, most: int | None) -> Any:
    """
    Bound the connections of a factory that nobody may edit; it holds while a scope owns it.

    Not an attribute that is called ``maxConnections``: some factories have one of their own.

    :param most: how many it has at a time, at most; one more is closed at once. ``None``, or 0: as
        many as come.
    :returns: the factory.
    """
    setattr(factory, getattr(factory, "_limit_name", _LIMIT), most)
    return factory


def limit_of(factory: Any) -> int | None:
    """
    The limit of a factory, or of the ones that it wraps, whichever is the lowest; ``None``: none.

    :raises TypeError: it is no number.
    """
    most: int | None = getattr(factory, getattr(factory, "_limit_name", _LIMIT), None)
    if most is not None and not isinstance(most, int):
        raise TypeError(f"a limit of connections is a number or None, not {most!r}")
    if not isinstance(factory, WrappingFactory):
        return most or None
    inner = limit_of(factory.wrappedFactory)
    return min(filter(None, (most, inner)), default=None)
