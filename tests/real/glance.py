"""A job for the children of tests that are about children, and not about what they find."""

from __future__ import annotations

from collections.abc import Sequence
from types import FrameType

from txresource.heap.census import census_of
from txresource.heap.child import Send
from txresource.heap.paths import PathRow, Step
from txresource.leaks.look import Errand, freeze, history_of, tell

__all__ = ("glance",)

_ROW = PathRow((Step("module app", "module"),), 1, 72)


def glance(errand: Errand, send: Send, frames: Sequence[FrameType]) -> None:
    """Say of a heap of one module all that a look says of a whole one, and in no time."""
    census = census_of([("module", 1, 72)], 1, complete=True)
    tell(freeze(errand, (_ROW,), census), history_of(errand.history), {}, send)
