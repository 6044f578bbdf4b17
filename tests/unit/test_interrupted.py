"""Work that a close has ended: what its caller is told."""

from __future__ import annotations

import gc
import pickle
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.unit.closing_case import ClosingCase
from tests.unit.collector import hide_what_is_older
from txresource.errors import ResourceInterrupted


class InterruptedTests(ClosingCase):
    """``ResourceInterrupted``."""

    def test_cancelled(self) -> None:
        """A task that the close cancels fails with elapsed, grace, who closed, and the cause."""
        task = self.scope.start(Deferred(), name="pump")
        self.scope.close(2)
        self.run_for(2.1)
        error = self.failureResultOf(task, ResourceInterrupted).value
        self.assertEqual((error.what, error.grace), ("task pump", 2.0))
        self.assertAlmostEqual(error.elapsed, 2.0)
        self.assertIn("test_interrupted.py:", error.closed_by)
        self.assertIsInstance(error.__cause__, CancelledError)
        self.assertNotIsInstance(error, CancelledError)
        self.assertIn("task pump was interrupted 2.0 s after", str(error))

    async def stubborn(self, end: Deferred[None]) -> None:
        """Wait, and do not be cancelled."""
        while not end.called:
            try:
                await self.nudged
            except CancelledError:
                self.nudged = Deferred()
        await end

    def abandon(self) -> tuple[Deferred[Any], Deferred[None]]:
        """Close over a task that swallows its cancels."""
        self.nudged: Deferred[None] = Deferred()
        end: Deferred[None] = Deferred()
        task = self.scope.start(self.stubborn(end))
        closed = self.scope.close(1)
        self.run_for(2.6)
        self.successResultOf(closed)
        return task, end

    def test_abandoned(self) -> None:
        """A task that swallows its cancel fails with it, too; what it ends with is no result."""
        task, end = self.abandon()
        error = self.failureResultOf(task, ResourceInterrupted).value
        self.assertIsNone(error.__cause__)
        self.assertTrue(1 <= error.elapsed <= 2.5)
        end.callback(None)
        self.nudged.callback(None)

    def test_abandoned_fails_later(self) -> None:
        """An error with which an abandoned task ends after all is logged."""
        task, end = self.abandon()
        self.failureResultOf(task, ResourceInterrupted)
        end.errback(ValueError())
        self.nudged.callback(None)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_own_result(self) -> None:
        """A task that answers its cancel with a result or an error of its own keeps it."""

        def answer(value: Any) -> Any:
            return lambda _: value

        good = self.scope.start(Deferred().addErrback(answer(5)))
        bad_work: Deferred[Any] = Deferred(lambda d: d.errback(ValueError()))
        bad = self.scope.start(bad_work)
        self.scope.close(0)
        self.assertEqual(self.successResultOf(good), 5)
        self.failureResultOf(bad, ValueError)

    def test_cancelled_by_its_caller(self) -> None:
        """A task that its caller cancels while the scope drains fails with CancelledError."""
        task = self.scope.start(Deferred())
        self.own("x", drain=True)
        self.scope.close()
        task.cancel()
        self.failureResultOf(task, CancelledError)

    def test_abort(self) -> None:
        """An abort interrupts, too."""
        task = self.child("inner").start(Deferred())
        self.scope.abort()
        error = self.failureResultOf(task, ResourceInterrupted).value
        self.assertIn("test_abort", error.closed_by)

    def test_nobody_asked(self) -> None:
        """That a close has interrupted a task nobody waits for is no news."""
        hide_what_is_older(self)
        self.scope.start(Deferred())
        self.scope.abort()
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_picklable(self) -> None:
        """It can be pickled; who closed comes along in words."""
        task = self.scope.start(Deferred())
        self.scope.close(0)
        error = self.failureResultOf(task, ResourceInterrupted).value
        again = pickle.loads(pickle.dumps(error))
        self.assertEqual(str(again), str(error))
        self.assertEqual((again.elapsed, again.closed_by), (error.elapsed, error.closed_by))
