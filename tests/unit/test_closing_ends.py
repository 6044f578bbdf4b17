"""How a close ends: errors, waiters, aborts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs, formatEvent

from tests.unit.closing_case import ClosingCase
from txresource import Scope
from txresource.errors import ResourceError
from txresource.outcome import Outcome


class ErrorTests(ClosingCase):
    """An error in a step never stops the others."""

    def closed_with(self, **does: Any) -> Outcome:
        """Close a scope in whose midst a probe fails; the other two must go."""
        self.own("a")
        self.own("bad", **does)
        self.own("b")
        closed = self.scope.close()
        self.run_for(6)
        self.failureResultOf(closed, ValueError)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertTrue({"close a", "close b"} <= set(self.heard))
        return self.outcome()

    def test_drain_fails(self) -> None:
        """What fails when it is told is closed all the same."""
        outcome = self.closed_with(drain=ValueError())
        self.assertEqual((outcome.closed, outcome.abandoned), ({"probe": 3}, []))

    def test_busy_fails(self) -> None:
        """What fails when it is asked counts as not busy, and is closed."""
        self.own("bad", busy=ValueError())
        closed = self.scope.close()
        self.failureResultOf(closed, ValueError)
        self.assertEqual(self.outcome().closed, {"probe": 1})
        self.flushLoggedErrors(ValueError)

    def test_close_fails(self) -> None:
        """What fails to close is aborted, whether it raises or its Deferred fails."""
        outcome = self.closed_with(close=ValueError())
        self.assertEqual((outcome.closed, outcome.aborted), ({"probe": 2}, {"probe": 1}))

    def test_close_fails_later(self) -> None:
        """A Deferred that fails is as good as an exception."""
        failed: Deferred[None] = Deferred()
        failed.errback(ValueError())
        self.assertEqual(self.closed_with(close=failed).aborted, {"probe": 1})

    def test_cannot_be_forced(self) -> None:
        """What fails to close and cannot be forced is abandoned, named with its error."""
        (gone,) = self.closed_with(close=ValueError(), abort=False).abandoned
        self.assertEqual((gone.what, gone.error), ("probe bad", "ValueError"))

    def test_abort_fails(self) -> None:
        """What fails to abort is abandoned, named with its error."""
        (gone,) = self.closed_with(drain=True, abort=ValueError()).abandoned
        self.assertEqual((gone.what, gone.error), ("probe bad", "ValueError"))

    def test_words_of_an_error(self) -> None:
        """The log names the thing with its state, whether a step raises or its Deferred fails."""
        failed: Deferred[None] = Deferred()
        failed.errback(ValueError())
        for error in (ValueError(), failed):
            with capturedLogs() as events:
                self.closed_with(close=error)
            self.assertIn("closing <probe bad closing> failed", map(formatEvent, events))
            self.scope = Scope(self.clock, "again", grace=4)
            self.addCleanup(self.scope.abort)

    def test_words_for_what_is_abandoned(self) -> None:
        """What is abandoned has a line in the log: since when, why, and who made it."""
        self.own("mute", close=Deferred, abort=False)
        self.clock.advance(7)
        with capturedLogs() as events:
            closed = self.scope.close(1)
            self.clock.pump([1.0, 1.0, 1.0])
        self.successResultOf(closed)
        (gone,) = self.outcome().abandoned
        self.assertEqual(gone.waited, 2.0)
        why = f"abandoned probe mute after 2.0 s: it does not end (made at {gone.created_at})"
        self.assertIn(why, map(formatEvent, events))
        self.assertIn("closing_case.py:", gone.created_at or "")

    def test_words_for_what_refuses(self) -> None:
        """What is abandoned because it failed has the name of its error in the log."""
        with capturedLogs() as events:
            self.closed_with(close=ValueError(), abort=False)
        (line,) = (t for t in map(formatEvent, events) if t.startswith("abandoned probe bad"))
        self.assertIn(" s: ValueError (made at ", line)

    def test_several(self) -> None:
        """Two errors make one that names both; only the first waiter hears it."""
        self.own("a", close=ValueError())
        self.own("b", close=KeyError())
        waits: Deferred[None] = Deferred()
        self.own("c", close=waits)
        first, second = self.scope.close(), self.scope.close()
        waits.callback(None)
        failure = self.failureResultOf(first, ResourceError)
        self.assertIn("KeyError, ValueError", str(failure.value))
        self.successResultOf(second)
        self.successResultOf(self.scope.close())
        self.flushLoggedErrors(ValueError, KeyError)


class WaiterTests(ClosingCase):
    """Each ``close`` gives a Deferred of its own."""

    def begin(self, waiters: int) -> list[Deferred[None]]:
        """Begin to close something that waits."""
        self.own("x", drain=True)
        return [self.scope.close() for _ in range(waiters)]

    def test_cancel_all_orders(self) -> None:
        """Cancelling one of several waiters affects it alone; cancelling the last one aborts."""
        for order in (
            (0, 1, 2),
            (0, 2, 1),
            (1, 0, 2),
            (1, 2, 0),
            (2, 0, 1),
            (2, 1, 0),
            (0, 1),
            (1, 0),
            (0,),
        ):
            self.scope = Scope(self.clock, "again", grace=4)
            self.heard.clear()
            waiters = self.begin(len(order))
            for number in order:
                self.assertNotIn("abort x", self.heard)
                waiters[number].cancel()
                self.failureResultOf(waiters[number], CancelledError)
            self.assertIn("abort x", self.heard)
            self.assertEqual(self.scope.state, "closed")

    def test_waiter_acts(self) -> None:
        """From a waiter's callback one may cancel another waiter, close and abort again."""
        results: list[Any] = []
        first, second, third = self.begin(3)

        def act(result: object) -> None:
            second.cancel()
            self.scope.abort()
            self.scope.close().addBoth(results.append)

        first.addCallback(act).addErrback(results.append)
        self.scope.abort()
        self.successResultOf(first)
        self.failureResultOf(second, CancelledError)
        self.successResultOf(third)
        self.assertEqual(results, [None])

    def test_cancel_under_a_parent(self) -> None:
        """While a parent closes, cancelling a child's waiter withdraws it and aborts nothing."""
        inner = self.child("inner")
        self.own("x", inner, drain=True)
        closed = self.scope.close()
        waiter = inner.close()
        waiter.cancel()
        self.failureResultOf(waiter, CancelledError)
        self.assertNotIn("abort x", self.heard)
        closed.cancel()
        self.failureResultOf(closed, CancelledError)
        self.assertIn("abort x", self.heard)

    def test_abort_in_each_state(self) -> None:
        """``abort`` lets go at once, in every state, and again."""
        prepare: list[Callable[[], Any]] = [lambda: None, self.scope.close, self.scope.abort]
        for number, before in enumerate(prepare):
            scope = self.scope = Scope(self.clock, str(number), grace=4)
            self.own("x", drain=True)
            if before is not prepare[0]:
                getattr(scope, before.__name__)()
            scope.abort()
            scope.abort()
            self.assertEqual((scope.state, self.heard[-1]), ("closed", "abort x"))

    def test_abort_newest_first(self) -> None:
        """An abort, too, goes newest first and children before parents."""
        self.own("a", drain=True, stuck=True)
        self.own("b", self.child("inner"), drain=True, stuck=True)
        self.own("c", drain=True, stuck=True)
        self.scope.close()
        self.heard.clear()
        self.scope.abort()
        self.assertEqual(self.heard, ["abort c", "abort b", "abort a"])
        self.run_for(0.6)
        self.assertEqual(self.scope.state, "closed")
