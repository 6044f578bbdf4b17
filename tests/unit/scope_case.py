"""The case of most closers: a scope on a clock."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txresource import Scope


class ScopeCase(SynchronousTestCase):
    """
    A scope with a grace of 4 s on a clock that must be empty at the end.

    :cvar make_clock: makes the clock.
    :cvar last_turns: seconds that pass, a turn each, when the scope was aborted at the end.
    """

    make_clock: Any = Clock
    last_turns: tuple[float, ...] = ()

    def setUp(self) -> None:
        """Make them."""
        self.clock = self.make_clock()
        self.scope = Scope(self.clock, "owner", grace=4)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(lambda: self.clock.pump(self.last_turns))
        self.addCleanup(self.scope.abort)

    def owned(self) -> int:
        """How many things the scope owns."""
        return len(self.scope.tree().children)

    def check_freed(self, attribute: str) -> None:
        """Close; what an attribute of the case holds is freed by that with the collector off."""
        gc.disable()
        self.addCleanup(gc.enable)
        self.scope.close()
        self.clock.advance(0)
        gone = weakref.ref(getattr(self, attribute))
        delattr(self, attribute)
        self.assertIsNone(gone())
