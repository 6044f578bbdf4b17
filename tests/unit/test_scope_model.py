"""A random walk over one scope and its children, beside a model of what must hold."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txresource import Scope
from txresource.errors import ResourceClosed

GRACE = 4.0
ORDER = ("open", "draining", "closing", "aborting", "closed")


class ScopeWalk(RuleBasedStateMachine):
    """Any sequence of calls: the close ends in time, and everybody is told once."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.scopes = [Scope(self.clock, "top", grace=GRACE)]
        self.works: list[Deferred[None]] = []
        self.ended: list[list[Any]] = []
        self.timers: list[Any] = []
        self.closes = [0]
        self.waiters: list[tuple[Deferred[None], list[Any]]] = []
        self.seen: dict[int, int] = {}
        self.due: float | None = None

    def refused(self, scope: Scope, call: Any, *args: Any) -> bool:
        """Call what opens something new: it is refused exactly when the scope is not open."""
        was_open = scope.state == "open"
        try:
            call(*args)
        except ResourceClosed:
            assert not was_open
            return True
        assert was_open
        return False

    def pick(self, number: int) -> Scope:
        """Some scope."""
        return self.scopes[number % len(self.scopes)]

    @rule(number=st.integers(0, 9))
    def own_timer(self, number: int) -> None:
        """Own a delayed call."""
        call = self.clock.callLater(3, int)
        if self.refused(self.pick(number), self.pick(number).own, call):
            assert not call.active()
        self.timers.append(call)

    @rule(number=st.integers(0, 9))
    def own_thing(self, number: int) -> None:
        """Own a thing with a close function."""

        def close() -> None:
            self.closes[0] += 1

        before = self.closes[0]
        if self.refused(self.pick(number), lambda: self.pick(number).own(object(), close=close)):
            assert self.closes[0] == before + 1

    @precondition(lambda self: len(self.scopes) < 6)
    @rule(number=st.integers(0, 9))
    def child(self, number: int) -> None:
        """Make a child."""
        parent = self.pick(number)
        self.refused(parent, lambda: self.scopes.append(parent.child("child", grace=GRACE)))

    @rule(number=st.integers(0, 9), swallows=st.booleans())
    def start(self, number: int, swallows: bool) -> None:
        """Start a task, which may swallow its cancel."""
        work: Deferred[None] = Deferred((lambda d: d.callback(None)) if swallows else None)

        def begin() -> None:
            ends: list[Any] = []
            self.pick(number).start(work).addBoth(ends.append)
            self.works.append(work)
            self.ended.append(ends)

        if self.refused(self.pick(number), begin):
            assert work.called

    @rule(number=st.integers(0, 9), fails=st.booleans())
    def finish(self, number: int, fails: bool) -> None:
        """A task ends by itself, well or badly."""
        if self.works:
            work = self.works[number % len(self.works)]
            if not work.called:
                work.errback(ValueError()) if fails else work.callback(None)

    @rule(number=st.integers(0, 9), grace=st.sampled_from([None, 0.0, 1.0, 9.0]))
    def close(self, number: int, grace: float | None) -> None:
        """Close some scope."""
        told: list[Any] = []
        scope = self.pick(number)
        if scope is self.scopes[0]:
            asked = self.clock.seconds() + (GRACE if grace is None else grace) + 1.5
            self.due = asked if self.due is None else min(self.due, asked)
        self.waiters.append((scope.close(grace).addBoth(told.append), told))

    @rule(number=st.integers(0, 9))
    def abort(self, number: int) -> None:
        """Abort some scope: without connections all of it is gone at once."""
        scope = self.pick(number)
        scope.abort()
        assert scope.state == "closed"

    @rule(number=st.integers(0, 9))
    def cancel(self, number: int) -> None:
        """Cancel some waiter: it alone is told so."""
        if self.waiters:
            waiter, told = self.waiters[number % len(self.waiters)]
            others = [len(other) for _, other in self.waiters if other is not told]
            pending = not told
            waiter.cancel()
            if pending:
                assert isinstance(told[0], Failure) and told[0].check(CancelledError)
            assert all(
                len(o) >= n
                for (_, o), n in zip(
                    [w for w in self.waiters if w[1] is not told], others, strict=True
                )
            )

    @rule(seconds=st.sampled_from([0.1, 1.0, 6.0]))
    def advance(self, seconds: float) -> None:
        """Let time pass, in small steps."""
        self.clock.pump([0.1] * round(seconds * 10))

    @invariant()
    def bounded(self) -> None:
        """The top is closed when its time is over."""
        if self.due is not None and self.clock.seconds() > self.due + 0.2:
            assert self.scopes[0].state == "closed"

    @invariant()
    def states_go_forward(self) -> None:
        """No scope goes back to an earlier state; a child is never open in a closed parent."""
        for number, scope in enumerate(self.scopes):
            state = ORDER.index(scope.state)
            assert state >= self.seen.get(number, 0)
            self.seen[number] = state
            assert all(child.state != "closed" for child in scope.tree().children)
        if self.scopes[0].state != "open":
            assert all(scope.state != "open" for scope in self.scopes)

    @invariant()
    def told_once(self) -> None:
        """Nobody is told twice; a closed scope holds nothing."""
        assert all(len(told) <= 1 for _, told in self.waiters)
        assert all(len(ends) <= 1 for ends in self.ended)
        for scope in self.scopes:
            assert scope.state != "closed" or not scope.tree().children

    def teardown(self) -> None:
        """At the end all is closed, every task and waiter was told, and the clock is empty."""
        self.scopes[0].close()
        self.clock.pump([0.1] * 70)
        assert self.scopes[0].state == "closed"
        assert all(len(told) == 1 for _, told in self.waiters)
        assert all(len(ends) == 1 for ends in self.ended)
        assert self.clock.getDelayedCalls() == []


class ScopeModelTests(SynchronousTestCase):
    """The walk, under trial."""

    def test_walk(self) -> None:
        """Whatever the order of calls, the close ends in time and everybody is told once."""
        case = ScopeWalk.TestCase
        case.settings = settings(
            derandomize=True, deadline=None, max_examples=60, stateful_step_count=25, database=None
        )
        case("runTest").runTest()
        self.assertEqual(self.flushLoggedErrors(), [])
