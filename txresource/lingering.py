"""
What comes before the drain pass: the linger and the last call.

While a close *lingers* all goes on to be served, and whoever can be told that it is the last time
is told so. The *last call* takes in what has arrived already and would be lost when the intake
stops: connections in a port's backlog, requests in a connection's socket.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import Any

from txresource.ending import Ending
from txresource.tree import OPEN, Node, alive

__all__ = (
    "Lingering",
    "batches",
    "own_something",
)

_CLOSER = attrgetter("closer")


def batches(node: Node) -> Iterable[tuple[Any, list[Node]]]:
    """The children, newest first, neighbours with one closer together."""
    children = list(reversed(node.children or ()))
    if len({child.closer for child in children}) == 1:
        return ((children[0].closer, children),)
    return ((closer, list(batch)) for closer, batch in groupby(children, _CLOSER))


def own_something(closer: Any) -> bool:
    """
    Say whether things of a kind may own others, have listeners, and be known to the root.

    What is ended all at once does none of that, so that it costs little.
    """
    return not hasattr(closer, "end_all")


class Lingering(Ending):
    """The begin of a close, in which nothing is told to end yet."""

    __slots__ = ("_linger",)

    def __init__(self, top: Node) -> None:
        super().__init__(top)
        self._linger: Any = None

    def drain(self, abort: bool = False) -> None:
        """Make the drain pass."""
        raise NotImplementedError

    def linger(self, seconds: float) -> bool:
        """
        Come back to the drain pass later, where there is a reason to wait with it.

        :returns: false where there is none.
        """
        top = self.top
        if seconds <= 0 or not top.children or top.state is not OPEN or not alive(top.reactor):
            return False
        self._linger = top.reactor.callLater(seconds, self.drain)
        top.root.lingering += 1
        top.tell()
        self._tell_below(top)
        self.each(top, "linger")
        return True

    def end_linger(self) -> bool:
        """Wait with the drain pass no longer; false where nothing waited."""
        waiting, self._linger = self._linger, None
        if waiting is not None:
            self.top.root.lingering -= 1
            if waiting.active():
                waiting.cancel()
        return waiting is not None

    def hasten(self, end: float) -> None:
        """Linger no longer than to this time on the reactor's clock."""
        if self._linger is not None and self._linger.active() and self._linger.getTime() > end:
            self._linger.reset(max(0.0, end - self._now()))

    def last_call(self) -> None:
        """Take in what has arrived: first the connections, then what they ask."""
        self.each(self.top, "accept")
        self.each(self.top, "hear")

    def each(self, node: Node, step: str) -> None:
        """Take a step with all below a node whose closer has such a step."""
        closers = {child.closer for child in node.children or ()}
        if not any(map(own_something, closers)):
            return  # most often, and then there may be very many
        for closer, batch in batches(node):
            take = getattr(closer, step, None)
            for child in batch:
                if take is not None:
                    self._attempt(child, take)
                if child.children and _stays(child):
                    self.each(child, step)

    def _tell_below(self, node: Node) -> None:
        for child in tuple(node.children or ()):
            if _stays(child):
                child.tell()
                self._tell_below(child)


def _stays(node: Node) -> bool:
    return node.run is None or node.run._linger is not None
