"""Many things of one kind, closed in one go."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import AlreadyCancelled
from twisted.internet.interfaces import IDelayedCall
from zope.interface import implementer

from tests.unit.closing_case import ClosingCase
from txresource import root_scope


@implementer(IDelayedCall)
class ForeignCall:
    """A delayed call of somebody else's reactor."""

    def __init__(self) -> None:
        self.alive = True

    def active(self) -> bool:
        """Whether it will be called."""
        return self.alive

    def cancel(self) -> None:
        """Forget it."""
        self.alive = False


class ManyTests(ClosingCase):
    """Delayed calls in great number."""

    def test_all(self) -> None:
        """All are cancelled and counted, with foreign ones and other things among them."""
        foreign = ForeignCall()
        calls = [self.scope.call_later(9, int) for _ in range(5)]
        self.scope.own(foreign)
        calls += [self.scope.call_later(9, int) for _ in range(5)]
        self.own("x")
        calls += [self.scope.call_later(9, int) for _ in range(5)]
        self.successResultOf(self.scope.close())
        self.assertFalse(any(call.active() for call in [*calls, foreign]))
        self.assertEqual(self.outcome().closed, {"timer": 16, "probe": 1})
        self.assertEqual(self.scope.tree().children, ())
        self.assertRaises(AlreadyCancelled, calls[0].cancel)

    def test_counted_above(self) -> None:
        """They are counted in every close that they are a part of."""
        inner = self.child("inner")
        for _ in range(4):
            inner.call_later(9, int)
        self.scope.close()
        self.assertEqual(self.outcome().closed, {"timer": 4})
        self.assertEqual(self.outcome(inner).closed, {"timer": 4})

    def test_owned_twice(self) -> None:
        """A delayed call that is owned twice is owned once, by the later owner."""
        inner = self.child("inner")
        call: Any = inner.call_later(9, int)
        self.assertIs(self.scope.own(call), call)
        self.assertEqual(
            (self.scope.statistics().owned["timer"], inner.statistics().owned), (1, {})
        )
        self.scope.call_later(9, int)
        self.successResultOf(self.scope.close())
        self.assertEqual(self.outcome().closed, {"timer": 2})

    def test_directly_below_the_root(self) -> None:
        """The root, too, hears of the last one."""
        root = root_scope(self.clock)
        for _ in range(3):
            root.call_later(9, int)
        self.successResultOf(root.close())
        self.assertEqual(self.clock.getDelayedCalls(), [])
