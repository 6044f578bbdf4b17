"""Waiting for nodes to go: until a limit that may come nearer, or somebody rouses the waiter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from txresource.tree import CLOSED, Node

__all__ = (
    "POLL",
    "Waiting",
)

#: Seconds between two looks at work in flight, whose end nobody tells us.
POLL = 0.05


class Waiting:
    """
    What waits in a close; one thing at a time.

    :param top: the node that closes.
    """

    __slots__ = ("_awaited", "_wake", "top")

    def __init__(self, top: Node) -> None:
        self.top: Any = top
        self._awaited: dict[Node, None] = {}
        self._wake: Deferred[None] | None = None

    async def _until(
        self,
        limit: Callable[[], float],
        nodes: list[Node],
        busy: Callable[[Node], bool] | None = None,
    ) -> None:
        """Wait until all of the nodes are gone, but not past a limit that may come nearer."""
        self._awaited = {node: None for node in nodes if node.state is not CLOSED}
        while self._awaited and self._now() < limit():
            looks = busy is not None and sum(map(busy, tuple(self._awaited))) > 0
            if not self._awaited:
                break
            await self._pause(min(limit() - self._now(), POLL if looks else 1e9))
        self._awaited = {}

    def unawait(self, node: Node) -> None:
        """Wait for this node no longer: it is gone, or given up."""
        if node in self._awaited:
            del self._awaited[node]
            if not self._awaited:
                self._rouse()

    async def _pause(self, seconds: float) -> None:
        wake = self._wake = Deferred()
        call = self.top.reactor.callLater(max(0.0, seconds), self._rouse)
        await wake
        if call.active():
            call.cancel()

    def _rouse(self) -> None:
        wake, self._wake = self._wake, None
        if wake is not None:
            wake.callback(None)

    def _now(self) -> float:
        now: float = self.top.reactor.seconds()
        return now
