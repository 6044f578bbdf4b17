"""Delayed calls and looping calls in a scope."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from tests.unit.collector import hide_what_is_older
from tests.unit.scope_case import ScopeCase
from txresource.errors import ResourceClosed


class TimerTests(ScopeCase):
    """``call_later``, ``looping_call`` and ``own`` of either."""

    def setUp(self) -> None:
        """Make what is owned."""
        super().setUp()
        self.calls: list[Any] = []

    def test_called_and_gone(self) -> None:
        """A delayed call is called with its arguments, and leaves the tree."""
        self.scope.call_later(1, lambda *a, **k: self.calls.append((a, k)), 1, two=2)
        self.clock.advance(1)
        self.assertEqual((self.calls, self.owned()), ([((1,), {"two": 2})], 0))

    def test_cancelled_and_gone(self) -> None:
        """A delayed call that somebody cancels leaves the tree."""
        self.scope.call_later(1, int).cancel()
        self.assertEqual(self.owned(), 0)

    def test_close_cancels(self) -> None:
        """Closing cancels a delayed call, and is done in the same turn."""
        self.scope.call_later(1, self.calls.append, 1)
        self.successResultOf(self.scope.close())
        self.clock.advance(2)
        self.assertEqual(self.calls, [])

    def test_reset_and_delay(self) -> None:
        """A delayed call that is put off stays owned until it is called."""
        call = self.scope.call_later(1, self.calls.append, 1)
        call.delay(1)
        self.clock.advance(1.5)
        self.assertEqual((self.calls, self.owned()), ([], 1))
        call.reset(1)
        self.clock.advance(1)
        self.assertEqual((self.calls, self.owned()), ([1], 0))

    def test_own_ended(self) -> None:
        """A delayed call that was cancelled or called before it is owned never enters the tree."""
        cancelled, called = self.clock.callLater(1, int), self.clock.callLater(1, int)
        cancelled.cancel()
        self.clock.advance(1)
        self.assertIs(self.scope.own(cancelled), cancelled)
        self.scope.own(called)
        self.assertEqual(self.owned(), 0)

    def test_owned_twice(self) -> None:
        """A delayed call owned twice is called once, or cancelled, and both owners let go."""
        for end in (lambda call: self.clock.advance(1), lambda call: call.cancel()):
            call = self.scope.own(self.clock.callLater(1, self.calls.append, 1))
            again = self.scope.child("again")
            again.own(call)
            end(call)
            self.assertEqual((self.owned(), again.tree().children), (1, ()))
            again.close()
        self.assertEqual(self.calls, [1])

    def test_function_closes_the_scope(self) -> None:
        """The function of a delayed call may close the scope it belongs to."""
        self.scope.call_later(1, lambda: self.scope.close().addBoth(self.calls.append))
        self.clock.advance(1)
        self.assertEqual((self.calls, self.scope.state), ([None], "closed"))

    def test_refused(self) -> None:
        """A closed scope cancels a delayed call that is given to it, and stops a loop."""
        self.scope.close()
        call, loop = self.clock.callLater(1, int), LoopingCall(int)
        loop.clock = self.clock
        loop.start(1)
        self.assertRaises(ResourceClosed, self.scope.own, call)
        self.assertRaises(ResourceClosed, self.scope.own, loop)
        self.assertRaises(ResourceClosed, self.scope.call_later, 1, int)
        self.assertRaises(ResourceClosed, self.scope.looping_call, int, 1)
        self.assertEqual((call.active(), loop.running), (False, False))

    def test_loop_runs_until_close(self) -> None:
        """A loop calls at once and every interval until the scope closes."""
        loop = self.scope.looping_call(self.calls.append, 1, 7)
        self.clock.pump([1, 1])
        self.successResultOf(self.scope.close())
        self.clock.pump([1, 1])
        self.assertEqual((self.calls, loop.running), ([7, 7, 7], False))

    def test_loop_that_stops(self) -> None:
        """A loop that is stopped leaves the tree; one that is owned after it stopped never enters."""
        loop = self.scope.looping_call(int, 1)
        loop.stop()
        self.scope.own(loop)
        self.assertEqual(self.owned(), 0)

    def test_loop_that_fails(self) -> None:
        """A call that fails, the first or a later one, ends the loop, and is logged once."""
        hide_what_is_older(self)
        for fail_at in (1, 2):
            count: list[int] = []

            def tick(count: list[int] = count, fail_at: int = fail_at) -> None:
                count.append(1)
                if len(count) == fail_at:
                    raise ValueError

            self.scope.looping_call(tick, 1)
            self.clock.advance(1)
            gc.collect()
            self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
            self.assertEqual(self.owned(), 0)

    def test_loop_with_call_in_flight(self) -> None:
        """A call under way has the grace to finish; the loop makes no further one."""
        call: Deferred[None] = Deferred()

        def tick() -> Deferred[None]:
            self.calls.append(1)
            return call

        self.scope.looping_call(tick, 1)
        closed = self.scope.close()
        self.clock.advance(2)
        self.assertNoResult(closed)
        call.callback(None)
        self.successResultOf(closed)
        self.assertEqual(self.calls, [1])

    def test_loop_that_never_finishes(self) -> None:
        """A call that never finishes is abandoned at the end of the grace, and named."""
        self.scope.looping_call(Deferred, 1)
        closed = self.scope.close()
        self.clock.pump([4, 1, 0.5])
        self.successResultOf(closed)
        run = self.scope._node.run
        assert run is not None
        self.assertEqual([gone.what for gone in run.outcome.abandoned], ["loop Deferred"])

    def test_loop_closes_its_scope(self) -> None:
        """The first call of a loop may close the scope: the loop is refused and stopped."""
        self.assertRaises(ResourceClosed, self.scope.looping_call, self.scope.close, 1)
        self.assertEqual(self.scope.state, "closed")

    def test_freed_without_collector(self) -> None:
        """The owner of a fired delayed call that it keeps is freed with the collector off."""

        class Owner:
            def go(self) -> None:
                pass

        gc.disable()
        self.addCleanup(gc.enable)
        owner: Any = Owner()
        owner.call = self.scope.call_later(1, owner.go)
        self.clock.advance(1)
        gone = weakref.ref(owner)
        del owner
        self.assertIsNone(gone())
