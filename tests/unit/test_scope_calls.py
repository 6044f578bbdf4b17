"""Calls that a scope makes later: what they are given, and what they are called in the tree."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txresource import Scope


class LaterTests(SynchronousTestCase):
    """``call_later`` and ``looping_call``."""

    def setUp(self) -> None:
        """A scope on a clock, and a note of every call."""
        self.clock = Clock()
        self.scope = Scope(self.clock, "calls")
        self.calls: list[Any] = []
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def note(self, *args: Any, **kwargs: Any) -> None:
        """Note a call."""
        self.calls.append((args, kwargs))

    def fail_at_once(self) -> None:
        """Fail."""
        raise ZeroDivisionError

    def names(self) -> list[str]:
        """What the tree calls the things of the scope."""
        return [child.name for child in self.scope.tree().children]

    def test_call_later(self) -> None:
        """The function gets its arguments when the time has come; the tree shows its name."""
        self.scope.call_later(2, self.note, 1, two=2)
        self.assertEqual(self.names(), ["LaterTests.note"])
        self.clock.advance(1.9)
        self.assertEqual(self.calls, [])
        self.clock.advance(0.1)
        self.assertEqual(self.calls, [((1,), {"two": 2})])
        self.assertEqual(self.names(), [])

    def test_looping_call(self) -> None:
        """The function gets its arguments each time; the tree shows its name."""
        loop = self.scope.looping_call(self.note, 3, 1, two=2)
        self.assertEqual(self.names(), ["LaterTests.note"])
        self.clock.pump([3, 3])
        self.assertEqual(self.calls, [((1,), {"two": 2})] * 3)
        self.scope.close()
        self.assertFalse(loop.running)

    def test_without_a_name(self) -> None:
        """What has no name of its own goes by that of its type."""
        self.scope.call_later(1, partial(self.note))
        self.scope.looping_call(partial(self.note), 1)
        self.assertEqual(self.names(), ["partial", "partial"])
        self.scope.close()

    def test_loop_that_fails_at_once(self) -> None:
        """A loop whose first call fails never enters the tree; the error is logged with its name."""
        loop = self.scope.looping_call(self.fail_at_once, 1)
        self.assertFalse(loop.running)
        self.assertEqual(self.names(), [])
        (failure,) = self.flushLoggedErrors(ZeroDivisionError)
        self.assertIs(failure.type, ZeroDivisionError)
        self.scope.close()

    def test_abort_gives_no_time(self) -> None:
        """An abort leaves nothing for a later turn of the clock."""
        self.scope.start(self.scope.closing().addCallback(lambda _: None))
        self.scope.call_later(5, self.note)
        self.scope.abort()
        self.assertEqual((self.scope.state, self.calls), ("closed", []))
