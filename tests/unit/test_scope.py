"""Scopes: owning, handles, blocks."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.unit.collector import hide_what_is_older
from txresource import ICloseable, Scope
from txresource.errors import ResourceClosed, ResourceDraining, ResourceError


@implementer(ICloseable)
class Closeable:
    """A thing that knows how it is closed, by a coroutine."""

    def __init__(self) -> None:
        self.waits: Deferred[None] = Deferred()
        self.heard: list[str] = []

    async def close(self) -> None:  # type: ignore[override]
        """Close when told by the test."""
        self.heard.append("close")
        await self.waits

    def abort(self) -> None:
        """Let go."""
        self.heard.append("abort")


class ScopeCase(SynchronousTestCase):
    """A scope on a clock that must be empty at the end."""

    def setUp(self) -> None:
        """Make it."""
        self.clock = Clock()
        self.scope = Scope(self.clock, "scope", grace=4)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(lambda: self.scope.abort())


class OwnTests(ScopeCase):
    """What a scope takes, and how."""

    def test_unknown(self) -> None:
        """What nobody knows how to close is refused with the remedy, even if it has a ``close``."""

        class File:
            def close(self) -> None:
                raise AssertionError

        error = self.assertRaises(TypeError, self.scope.own, File())
        self.assertIn("close=", str(error))

    def test_close_function(self) -> None:
        """``close=`` is called once; a Deferred or a coroutine that it returns is waited for."""
        waits: list[Deferred[None]] = [Deferred(), Deferred()]

        async def coroutine() -> None:
            await waits[1]

        thing = object()
        self.assertIs(self.scope.own(thing, close=lambda: waits[0]), thing)
        self.scope.own(object(), close=coroutine)
        closed = self.scope.close()
        waits[0].callback(None)
        self.assertNoResult(closed)
        waits[1].callback(None)
        self.successResultOf(closed)

    def test_closeable(self) -> None:
        """What provides ``ICloseable`` is waited for, also by a coroutine, and aborted in the end."""
        one, other = self.scope.own(Closeable()), self.scope.own(Closeable())
        closed = self.scope.close()
        one.waits.callback(None)
        self.clock.pump([5])
        self.successResultOf(closed)
        self.assertEqual((one.heard, other.heard), (["close"], ["close", "abort"]))

    def test_statistics(self) -> None:
        """The statistics count what the scope itself owns, by kind."""
        self.scope.call_later(1, int)
        self.scope.call_later(1, int)
        inner = self.scope.child("inner")
        inner.call_later(1, int)
        self.clock.advance(0.5)
        statistics = self.scope.statistics()
        self.assertEqual(statistics.owned, {"timer": 2, "scope": 1})
        self.assertEqual((statistics.state, statistics.age), ("open", 0.5))
        self.assertEqual(repr(self.scope), "<Scope scope open>")
        self.scope.abort()

    def test_closed_by(self) -> None:
        """Who closed a scope can be read while it closes and afterwards, in its children, too."""
        inner = self.scope.child("inner")
        inner.start(Deferred()).addErrback(lambda _: None)
        self.assertIsNone(self.scope.closed_by)
        closed = self.scope.close()
        for scope in (self.scope, inner):
            self.assertIn("in test_closed_by", scope.closed_by or "")
            self.assertIn("draining, closed by test_scope.py:", repr(scope))
        self.assertEqual(self.scope.statistics().closed_by, self.scope.closed_by)
        closed.cancel()
        self.failureResultOf(closed, CancelledError)
        self.assertIn("in test_closed_by", self.scope.closed_by or "")

    def test_child_of_closed(self) -> None:
        """A closed scope has no new children."""
        self.scope.close()
        self.assertRaises(ResourceClosed, self.scope.child, "late")
        self.assertRaises(ResourceClosed, Scope, self.clock, "late", parent=self.scope)


class ClosingTests(ScopeCase):
    """``closing()``."""

    def test_fires(self) -> None:
        """It fires when closing begins; afterwards at once; cancelled, not at all."""
        first, withdrawn = self.scope.closing(), self.scope.closing()
        withdrawn.cancel()
        self.failureResultOf(withdrawn, CancelledError)
        self.assertNoResult(first)
        self.scope.start(Deferred())
        closed = self.scope.close()
        self.successResultOf(first)
        self.successResultOf(self.scope.closing())
        self.assertNoResult(closed)

    def test_listener_cancels_another(self) -> None:
        """A listener may withdraw another one while it is told."""
        first, second, third = (self.scope.closing() for _ in range(3))
        first.addCallback(lambda _: second.cancel())
        self.scope.close()
        self.failureResultOf(second, CancelledError)
        self.successResultOf(third)


class HandleTests(ScopeCase):
    """Losing the last reference."""

    def test_dropped(self) -> None:
        """A dropped scope warns with its name and line; what it owns is closed."""
        ended: list[int] = []
        scope = Scope(self.clock, "lost one")
        scope.own(object(), close=lambda: ended.append(1))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del scope
        (warning,) = caught
        self.assertIs(warning.category, ResourceWarning)
        self.assertIn("lost one", str(warning.message))
        self.assertIn("test_scope.py:", str(warning.message))
        self.assertEqual(ended, [])  # not where the collector runs
        self.clock.advance(0)
        self.assertEqual(ended, [1])

    def test_closed_and_dropped(self) -> None:
        """A scope that was closed, or whose parent was, is dropped without a word."""
        inner = self.scope.child("inner")
        self.scope.close()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del inner
        self.assertEqual(caught, [])


class BlockTests(ScopeCase):
    """``async with`` and ``run``."""

    def block(self, body: Coroutine[Any, Any, Any], close: Any = int) -> Deferred[Any]:
        """Run a body in the block of the scope, which owns a thing."""

        async def run() -> Any:
            async with self.scope as scope:
                scope.own(object(), close=close)
                return await body

        return ensureDeferred(run())

    @staticmethod
    async def body(result: Any = None) -> Any:
        """Return or raise."""
        if isinstance(result, Exception):
            raise result
        return result

    @staticmethod
    def failing() -> None:
        """A close that fails."""
        raise KeyError

    def test_leaving(self) -> None:
        """Leaving the block closes the scope."""
        self.assertEqual(self.successResultOf(self.block(self.body(5))), 5)
        self.assertEqual(self.scope.state, "closed")

    def test_errors(self) -> None:
        """An error of the body is never masked by one of the close, which is raised otherwise."""
        self.failureResultOf(self.block(self.body(), self.failing), KeyError)
        self.scope = Scope(self.clock, "again")
        self.failureResultOf(self.block(self.body(ValueError()), self.failing), ValueError)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 2)

    def test_cancelled(self) -> None:
        """Cancelling the coroutine in its block closes the scope and cancels the coroutine."""

        async def wait() -> None:
            await Deferred()

        running = self.block(wait())
        running.cancel()
        self.failureResultOf(running, CancelledError)
        self.assertEqual(self.scope.state, "closed")

    def test_entered_again(self) -> None:
        """A block is entered once; open, draining and closed scopes refuse it in other words."""

        async def enter() -> None:
            async with self.scope:
                raise AssertionError

        successful = self.scope.__aenter__()
        self.assertRaises(StopIteration, successful.send, None)
        texts = [str(self.failureResultOf(ensureDeferred(enter()), ResourceError).value)]
        work = self.scope.start(Deferred())
        self.scope.close()
        texts.append(str(self.failureResultOf(ensureDeferred(enter()), ResourceDraining).value))
        work.cancel()
        self.failureResultOf(work, CancelledError)
        failure = self.failureResultOf(ensureDeferred(enter()), ResourceClosed)
        self.assertNotIsInstance(failure.value, ResourceDraining)
        texts.append(str(failure.value))
        self.assertEqual(len(set(texts)), 3)

    def test_open_fails_halfway(self) -> None:
        """A body that fails after k of n things were opened leaves none of them open, for each k."""
        for opened in range(4):
            closed: list[int] = []

            async def opening(opened: int = opened, closed: list[int] = closed) -> None:
                async with Scope(self.clock, "halfway") as scope:
                    for number in range(3):
                        if number == opened:
                            raise ValueError
                        scope.own(object(), close=lambda n=number: closed.append(n))
                    raise ValueError

            self.failureResultOf(ensureDeferred(opening()), ValueError)
            self.assertEqual(closed, list(range(opened if opened < 3 else 3))[::-1])

    def test_closed_while_opening(self) -> None:
        """What is opened when the scope closes meanwhile is closed at once, in both orders."""
        for early in (True, False):
            closed: list[int] = []
            opens: Deferred[object] = Deferred()
            self.scope.abort()
            self.scope = Scope(self.clock, "opening")

            async def opening(opens: Any = opens, closed: list[int] = closed) -> None:
                async with self.scope as scope:
                    scope.own(await opens, close=lambda: closed.append(1))

            running = ensureDeferred(opening())
            if early:
                self.scope.close()
            opens.callback(object())
            self.scope.close()
            if early:
                self.failureResultOf(running, ResourceClosed)
            else:
                self.successResultOf(running)
            self.assertEqual((closed, self.scope.state), ([1], "closed"))

    def test_collected(self) -> None:
        """A coroutine that is collected in its block aborts the scope."""

        async def run() -> None:
            async with self.scope as scope:
                scope.start(Deferred())
                await Deferred()

        coroutine = run()
        coroutine.send(None)
        coroutine.close()
        self.assertEqual(self.scope.state, "closed")

    def test_run(self) -> None:
        """``run`` closes when the function is done, and returns what it returned."""
        waits: Deferred[int] = Deferred()
        result = self.scope.run(lambda value: waits.addCallback(lambda _: value), 7)
        self.assertEqual(self.scope.state, "open")
        waits.callback(0)
        self.assertEqual(self.successResultOf(result), 7)
        self.assertEqual(self.scope.state, "closed")

    def test_run_fails(self) -> None:
        """``run`` fails with the error of the function, else with that of the close."""
        self.scope.own(object(), close=self.failing)
        self.failureResultOf(self.scope.run(self.body, ValueError()), ValueError)
        self.scope = Scope(self.clock, "again")
        self.scope.own(object(), close=self.failing)
        self.failureResultOf(self.scope.run(int), KeyError)
        self.flushLoggedErrors(KeyError)

    def test_run_dropped(self) -> None:
        """A ``run`` that nobody waits for any more, and that cannot end, aborts the scope."""
        hide_what_is_older(self)
        self.scope.start(Deferred())
        running = self.scope.run(lambda: Deferred())
        del running
        gc.collect()
        self.assertEqual(self.scope.state, "closed")
        self.assertEqual(self.flushLoggedErrors(), [])
