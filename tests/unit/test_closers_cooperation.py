"""Cooperative tasks in a scope."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import CooperativeTask, Cooperator, TaskStopped

from tests.unit.scope_case import ScopeCase
from txresource.errors import ResourceClosed


class CooperationTests(ScopeCase):
    """``own(cooperate(iterator))``."""

    last_turns = (0.1,)

    def setUp(self) -> None:
        """Make what is owned."""
        super().setUp()
        # Without an end to its turns, which by default is one of real time.
        self.cooperator = Cooperator(
            terminationPredicateFactory=lambda: lambda: False,
            scheduler=lambda f: self.clock.callLater(0.1, f),
        )
        self.steps: list[int] = []

    def work(self, steps: int) -> Iterator[Any]:
        """So many steps."""
        for step in range(steps):
            self.steps.append(step)
            yield None

    def own(self, iterator: Iterator[Any]) -> CooperativeTask[Any]:
        """Own the work."""
        task: CooperativeTask[Any] = self.scope.own(self.cooperator.cooperate(iterator))
        return task

    def test_ends_by_itself(self) -> None:
        """What has come to its end leaves the tree; owned later, it never enters."""
        task = self.own(self.work(3))
        self.assertEqual(self.owned(), 1)
        self.clock.advance(0.1)
        self.assertEqual((len(self.steps), self.owned()), (3, 0))
        self.scope.own(task)
        self.assertEqual(self.owned(), 0)

    def test_has_the_grace(self) -> None:
        """A closing scope lets the work come to its end."""
        gate: Deferred[None] = Deferred()
        task = self.own(iter([gate]))
        done = task.whenDone()
        self.clock.advance(0.1)
        closed = self.scope.close()
        self.clock.advance(3)
        self.assertNoResult(closed)
        gate.callback(None)
        self.clock.advance(0.1)
        self.successResultOf(closed)
        self.successResultOf(done)

    def test_stopped_at_the_deadline(self) -> None:
        """Work that never ends is stopped when the grace is over; who asked hears so."""
        task = self.own(iter([Deferred()]))
        done = task.whenDone()
        self.clock.advance(0.1)
        closed = self.scope.close()
        self.clock.pump([0.1] * 41)
        self.successResultOf(closed)
        self.failureResultOf(done, TaskStopped)

    def test_fails(self) -> None:
        """Work that fails leaves the tree; its error is for those who asked."""

        def broken() -> Iterator[None]:
            yield None
            raise ValueError

        done = self.own(broken()).whenDone()
        self.clock.advance(0.1)
        self.failureResultOf(done, ValueError)
        self.assertEqual(self.owned(), 0)

    def test_refused(self) -> None:
        """A closed scope stops what it is given; aborting stops at once."""
        self.own(iter([Deferred()]))
        self.clock.advance(0.1)
        self.scope.abort()
        self.assertEqual(self.scope.state, "closed")
        task = self.cooperator.cooperate(self.work(9))
        self.assertRaises(ResourceClosed, self.scope.own, task)
        self.failureResultOf(task.whenDone(), TaskStopped)

    def test_freed_without_collector(self) -> None:
        """A task that has ended is freed with the collector off."""
        gc.disable()
        self.addCleanup(gc.enable)
        task = self.own(self.work(1))
        self.clock.advance(0.1)
        gone = weakref.ref(task)
        del task
        self.assertIsNone(gone())
