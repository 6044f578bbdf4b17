"""What a close of the whole tree says: what is open, what it waits for, what it gave up."""

from __future__ import annotations

from typing import Any
from weakref import ref

from twisted.logger import Logger

from txresource.tree import Node, alive
from txresource.treetext import (
    describe_open,
    oldest,
    open_below,
    outline,
    outline_abandoned,
)

__all__ = (
    "EVERY",
    "Progress",
)

log = Logger()

#: Seconds from one line about what a close still waits for to the next.
EVERY = 2.0


class Progress:
    """
    Follows one close of a root, from its begin to its end.

    :ivar on_change: called with what is left, in words, whenever the log tells it; ``None``:
        nobody is.
    """

    __slots__ = ("_next", "_node", "on_change")

    def __init__(self, node: Node) -> None:
        self._node = ref(node)  # which has this one
        self._next: Any = None
        self.on_change: Any = None

    def begin(self) -> None:
        """Write down what is open, and who opened it; nothing where nothing is."""
        node = self._node()
        if self._next is not None:
            return  # a close that lingers has said it when it began to
        if node is None or next(open_below(node), None) is None:
            return
        left = describe_open(node)
        log.info("closing {open}:\n{tree}", open=left, tree=outline(node))
        if alive(node.reactor):  # else nothing waits
            self._told(node, left)

    def _told(self, node: Node, left: str) -> None:
        self._next = node.reactor.callLater(EVERY, self._tell)
        if self.on_change is not None:
            self.on_change(left)

    def _tell(self) -> None:
        node = self._node()
        if node is None or node.foreign():
            return
        left = describe_open(node)
        log.info(
            "closing for {seconds:.0f} s, still waiting for {open}:\n{oldest}",
            seconds=node.reactor.seconds() - node.run.began,  # type: ignore[union-attr]
            open=left,
            oldest=oldest(open_below(node)),
        )
        self._told(node, left)

    def end(self) -> None:
        """Write down what was given up, and who opened it."""
        call, self._next = self._next, None
        if call is not None and call.active():
            call.cancel()
        node = self._node()
        gone = node.run.outcome.abandoned if node is not None and node.run is not None else []
        if gone:
            log.warn(
                "abandoned {count}:\n{tree}", count=_things(gone), tree=outline_abandoned(gone)
            )


def _things(things: list[Any]) -> str:
    return f"{len(things)} thing{'s' * (len(things) > 1)}"
