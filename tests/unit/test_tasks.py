"""Tasks: told, waited for, cancelled, and named when they will not go."""

from __future__ import annotations

import gc
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.collector import hide_what_is_older
from txresource import Scope
from txresource.errors import ResourceClosed, ResourceInterrupted


class TaskTests(SynchronousTestCase):
    """``start`` and ``own`` of a Deferred."""

    def setUp(self) -> None:
        """A scope with a grace of 4 s on a clock that must be empty at the end."""
        self.clock = Clock()
        self.scope = Scope(self.clock, "tasks", grace=4)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(self.scope.abort)

    def owned(self) -> int:
        """How many things the scope owns."""
        return len(self.scope.tree().children)

    def test_colours(self) -> None:
        """A plain function, a coroutine, an async function, inlineCallbacks and a Deferred run alike."""

        async def work(value: int) -> int:
            return value

        @inlineCallbacks
        def generator(value: int) -> Any:
            yield None
            return value

        fired: Deferred[int] = Deferred()
        fired.callback(3)
        results = [
            self.scope.start(lambda v: v, 3),
            self.scope.start(work(3)),
            self.scope.start(work, 3),
            self.scope.start(generator, value=3),
            self.scope.start(fired),
            self.scope.own(fired.addCallback(lambda _: 3)),
        ]
        self.assertEqual([self.successResultOf(d) for d in results], [3] * 6)
        self.assertEqual(self.owned(), 0)

    def test_ends_and_leaves(self) -> None:
        """A task that ends leaves the tree, and its result goes to the caller."""
        work: Deferred[int] = Deferred()
        task = self.scope.start(lambda: work, name="pump")
        self.assertEqual(self.scope.tree().children[0].name, "pump")
        work.callback(5)
        self.assertEqual(self.successResultOf(task), 5)
        self.assertEqual(self.owned(), 0)

    def test_failure_is_logged_once(self) -> None:
        """A failure that nobody takes is logged once, with name and line, and ends nothing else."""
        work: Deferred[None] = Deferred()
        self.scope.start(work, name="pump")
        other = self.scope.start(Deferred())
        work.errback(ValueError("x"))
        del work
        (failure,) = self.flushLoggedErrors()
        self.assertIs(failure.type, ValueError)
        self.assertNoResult(other)
        self.assertEqual(self.scope.state, "open")

    def test_failure_taken(self) -> None:
        """A failure that the caller takes is not logged."""
        hide_what_is_older(self)
        work: Deferred[None] = Deferred()
        task = self.scope.start(work)
        work.errback(ValueError("x"))
        self.failureResultOf(task, ValueError)
        del task, work
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_cancelled_is_no_news(self) -> None:
        """A task that closing cancelled is not logged as failed."""
        hide_what_is_older(self)
        self.scope.start(Deferred())
        closed = self.scope.close(0)
        self.successResultOf(closed)
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_cancel_cancels_the_work(self) -> None:
        """Cancelling what ``start`` returned cancels the work, and the task leaves the tree."""
        heard: list[Any] = []
        task = self.scope.start(Deferred(heard.append))
        task.cancel()
        self.failureResultOf(task, CancelledError)
        self.assertEqual((len(heard), self.owned()), (1, 0))

    def test_grace_to_finish(self) -> None:
        """A task has the whole grace to finish by itself; the close ends with it."""
        work: Deferred[int] = Deferred()
        task = self.scope.start(work)
        closed = self.scope.close()
        self.clock.advance(3.9)
        self.assertNoResult(closed)
        work.callback(1)
        self.assertEqual(self.successResultOf(task), 1)
        self.assertIsNone(self.successResultOf(closed))

    def test_cancelled_at_the_deadline(self) -> None:
        """At the end of the grace, not before, a task is cancelled."""
        task = self.scope.start(Deferred())
        closed = self.scope.close()
        self.clock.pump([3.9])
        self.assertNoResult(task)
        self.clock.advance(0.1)
        self.failureResultOf(task, ResourceInterrupted)
        self.successResultOf(closed)

    def test_swallows_the_cancel(self) -> None:
        """A task that swallows its cancel is abandoned and named, within grace and 1.5 s."""
        swallowed: list[Any] = []

        async def stubborn() -> None:
            while True:
                try:
                    await Deferred()
                except CancelledError as error:
                    swallowed.append(error)

        self.scope.start(stubborn(), name="stubborn")
        closed = self.scope.close()
        self.clock.pump([0.1] * 55)
        self.successResultOf(closed)
        run = self.scope._node.run
        assert run is not None
        (gone,) = run.outcome.abandoned
        self.assertEqual((gone.what, gone.error), ("task stubborn", None))
        self.assertIn("test_tasks.py:", gone.created_at or "")
        self.assertTrue(swallowed)

    def test_time_to_clean_up(self) -> None:
        """A task that needs a moment after its cancel gets it, and counts as closed."""

        async def work() -> None:
            try:
                await Deferred()
            except CancelledError:
                later: Deferred[None] = Deferred()
                self.clock.callLater(0.4, later.callback, None)
                await later

        task = self.scope.start(work())
        closed = self.scope.close(0)
        self.assertNoResult(closed)
        self.clock.advance(0.4)
        self.successResultOf(closed)
        self.successResultOf(task)

    def test_refused(self) -> None:
        """A closed scope starts nothing: a function is not called, a coroutine and a Deferred end."""
        self.scope.close()
        called: list[Any] = []

        async def work() -> None:
            called.append(1)

        coroutine: Any = work()
        waiting: Deferred[None] = Deferred(called.append)
        self.assertRaises(ResourceClosed, self.scope.start, called.append, 1)
        self.assertRaises(ResourceClosed, self.scope.start, coroutine)
        self.assertRaises(ResourceClosed, self.scope.start, waiting)
        self.assertEqual(called, [waiting])
        self.assertIsNone(coroutine.cr_frame)

    def test_closes_from_its_own_start(self) -> None:
        """A function that closes the scope and then waits is refused, and what it began cancelled."""
        hide_what_is_older(self)
        cancelled: list[Any] = []

        def work() -> Deferred[None]:
            self.scope.close()
            return Deferred(cancelled.append)

        self.assertRaises(ResourceClosed, self.scope.start, work)
        gc.collect()
        self.assertEqual((len(cancelled), self.flushLoggedErrors()), (1, []))

    def test_close_from_own_errback(self) -> None:
        """A task that closes its scope from its own errback is no trouble."""
        closed: list[Any] = []
        work: Deferred[None] = Deferred()
        task = self.scope.start(work)
        task.addErrback(lambda _: self.scope.close().addBoth(closed.append))
        self.scope.start(Deferred())
        work.errback(ValueError())
        self.assertEqual(self.scope.state, "draining")
        self.clock.pump([4])
        self.assertEqual(closed, [None])

    def test_chain_waits_for_its_own_close(self) -> None:
        """A callback chain that waits for the close of its own scope is bounded by the grace."""
        begun: Deferred[None] = Deferred()
        task = self.scope.start(begun.addCallback(lambda _: self.scope.close()))
        begun.callback(None)
        self.clock.pump([0.1] * 60)
        self.failureResultOf(task, ResourceInterrupted)
        self.assertEqual(self.scope.state, "closed")
