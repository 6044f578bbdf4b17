"""Counting what a piece of work leaves to the cyclic collector."""

from __future__ import annotations

import gc
from collections import Counter
from typing import Any

from twisted.internet.defer import Deferred

from txresource.testing.edges import describe

__all__ = (
    "CycleCount",
    "as_deferred",
)


def as_deferred(result: Any) -> Any:
    """Make a coroutine a Deferred; anything else stays what it is."""
    return Deferred.fromCoroutine(result) if hasattr(result, "cr_frame") else result


class CycleCount:
    """One count: the collector is off until it ends."""

    def __init__(self) -> None:
        self._was_on = gc.isenabled()
        self._flags = gc.get_debug()
        gc.disable()
        gc.collect()

    def give_up(self, reason: Any = None) -> Any:
        """End without a count; returns what it is given."""
        gc.set_debug(self._flags)
        if self._was_on:
            gc.enable()
        return reason

    def finish(self) -> Counter[str]:
        """End, and count by type what was left; it is freed."""
        before = len(gc.garbage)
        try:
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            left = Counter(describe(thing) for thing in gc.garbage[before:])
            del gc.garbage[before:]
        finally:
            self.give_up()
        if left:
            gc.collect()
        return left
