"""On request: what has changed since the snapshot before, found out in the child."""

from __future__ import annotations

from collections.abc import Sequence
from types import FrameType
from typing import Any

from txresource.heap.child import Send
from txresource.heap.tables import diff_table
from txresource.heap.unseen import Unseen
from txresource.leaks.frozen import decode_heap
from txresource.leaks.look import Errand, look
from txresource.leaks.snapshots import Look

__all__ = ("ComparingLook",)


class ComparingLook(Unseen):
    """
    A look at the heap whose verdict has a ``table`` where one was asked for.

    :param look: what a child does else.
    :ivar before: the snapshot to compare with, as its file has it; ``None``: no table.
    """

    def __init__(self, look: Look = look) -> None:
        self.before: bytes | None = None
        self._look = look

    def __call__(self, errand: Errand, send: Send, frames: Sequence[FrameType]) -> None:
        """
        Look, in the child.

        :param errand: what to know for it.
        :param send: takes the stages.
        :param frames: the innermost frame of each thread of the parent.
        """
        sending = send if self.before is None else _Comparing(self.before, send)
        self._look(errand, sending, frames)


class _Comparing:
    """Sends on what it gets, and adds the table to the verdict."""

    def __init__(self, before: bytes, send: Send) -> None:
        self._before = before
        self._now = b""
        self._send = send

    def __call__(self, stage: str, data: Any) -> None:
        if stage == "snapshot":
            self._now = data
        if stage == "verdict":
            before, now = decode_heap(self._before), decode_heap(self._now)
            data = {**data, "table": diff_table(before.census, now.census)}
        self._send(stage, data)
