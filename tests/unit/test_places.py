"""From where a scope may be used: its own tasks, other threads, forked processes."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Callable
from contextvars import copy_context
from threading import Thread, get_ident
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred, inlineCallbacks
from twisted.internet.task import Clock
from twisted.python import threadable

from tests.unit.closing_case import ClosingCase
from tests.unit.collector import hide_what_is_older
from txresource import Scope, root_scope
from txresource.errors import CloseFromInside, WrongProcess, WrongThread
from txresource.root import Root, root_node


class InsideTests(ClosingCase):
    """A task that closes what waits for it."""

    def setUp(self) -> None:
        """What the task of a test waits for before it closes."""
        super().setUp()
        self.go: Deferred[None] = Deferred()

    async def close_and_wait(self, scope: Scope | None = None) -> None:
        """What a task does that ends its scope."""
        await self.go
        await (scope or self.scope).close()

    @inlineCallbacks
    def close_and_yield(self) -> Any:
        """The same by inlineCallbacks."""
        yield self.go
        yield self.scope.close()

    def refused(self, task: Deferred[Any]) -> None:
        """The task is told, and the close has ended, without a wait for any grace."""
        self.go.callback(None)
        self.failureResultOf(task, CloseFromInside)
        self.assertEqual(self.scope.state, "closed")

    def test_coroutine(self) -> None:
        """A coroutine that waits for the close of its own scope is told at once; the close ends."""
        self.refused(self.scope.start(self.close_and_wait()))

    def test_callables(self) -> None:
        """So is a coroutine function, and a generator with inlineCallbacks, given as a callable."""
        for work in (self.close_and_wait, self.close_and_yield):
            self.scope, self.go = Scope(self.clock, "again"), Deferred()
            self.refused(self.scope.start(work))

    def test_through_awaits(self) -> None:
        """It is seen through what the task awaits: a coroutine, its Deferred, a generator."""

        async def outer(inner: Callable[[], Any], wrap: Callable[[Any], Any]) -> None:
            await wrap(inner())

        for inner, wrap in (
            (self.close_and_wait, lambda c: c),
            (self.close_and_wait, ensureDeferred),
            (self.close_and_yield, lambda d: d),
        ):
            self.scope, self.go = Scope(self.clock, "again"), Deferred()
            self.refused(self.scope.start(outer(inner, wrap)))  # type: ignore[arg-type]

    def test_before_the_first_wait(self) -> None:
        """A function that closes its scope in its own call gets the same answer."""
        answers: list[Deferred[None]] = []
        self.scope.start(lambda: answers.append(self.scope.close()))
        self.failureResultOf(answers[0], CloseFromInside)
        self.assertEqual(self.scope.state, "closed")

    def test_parent(self) -> None:
        """A task in a child that closes the parent is inside of it, too."""
        self.refused(self.child("deep", self.child("inner")).start(self.close_and_wait()))

    def test_others(self) -> None:
        """A task that closes a scope beside or below its own waits for that close."""
        beside, below = Scope(self.clock, "beside"), self.child("below")
        for other in (beside, below):
            self.go = Deferred()
            task = self.scope.start(self.close_and_wait(other))
            self.own("x", other, drain=True)
            self.go.callback(None)
            self.assertNoResult(task)
            other.abort()
            self.successResultOf(task)

    def test_ended_task(self) -> None:
        """What a task that has ended left behind is outside."""
        left: list[Any] = []
        begin: Deferred[None] = Deferred()

        async def leaves() -> None:
            await begin
            left.append(ensureDeferred(self.close_and_wait()))

        self.scope.start(leaves())
        kept = self.scope._node.children and list(self.scope._node.children)
        begin.callback(None)
        self.go.callback(None)
        self.successResultOf(left[0])
        self.assertEqual(len(kept or ()), 1)

    def test_callback_in_a_context_of_the_task(self) -> None:
        """A plain callback that an event loop calls in the task's context is outside."""
        contexts: list[Any] = []

        async def work() -> None:
            contexts.append(copy_context())
            await self.go

        task = self.scope.start(work())
        loop, closed = asyncio.new_event_loop(), []
        loop.call_soon(lambda: closed.append(self.scope.close()), context=contexts[0])
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
        self.assertNoResult(closed[0])
        self.go.callback(None)
        self.successResultOf(task)
        self.successResultOf(closed[0])

    def test_callback_below_a_coroutine(self) -> None:
        """A plain callback of a Deferred that the task itself fires is outside as well."""
        begin: Deferred[None] = Deferred()
        fired: Deferred[None] = Deferred()
        closed: list[Any] = []
        fired.addCallback(lambda _: closed.append(self.scope.close()))

        async def work() -> None:
            await begin
            fired.callback(None)
            await self.go

        task = self.scope.start(work())
        begin.callback(None)
        self.assertNoResult(closed[0])
        self.go.callback(None)
        self.successResultOf(task)
        self.successResultOf(closed[0])

    def test_quiet(self) -> None:
        """A task that closes its scope and does not wait goes on, and nothing is logged."""
        hide_what_is_older(self)

        async def work() -> int:
            await self.go
            self.scope.close()
            return 1

        task = self.scope.start(work())
        self.go.callback(None)
        self.assertEqual(self.successResultOf(task), 1)
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])


class ThreadedClock(Clock):
    """A clock that can be told to call something by another thread."""

    running = True

    def __init__(self) -> None:
        super().__init__()
        self.handed: list[Callable[[], Any]] = []

    def callFromThread(self, function: Callable[[], Any]) -> None:
        """Keep it until the reactor's next turn."""
        self.handed.append(function)

    def turn(self) -> None:
        """Call what was handed over."""
        handed, self.handed = self.handed, []
        for function in handed:
            function()


class ThreadTests(ClosingCase):
    """Use from another thread than the reactor's."""

    def setUp(self) -> None:
        """A reactor in this thread."""
        super().setUp()
        self.patch(threadable, "ioThread", get_ident())
        self.clock = ThreadedClock()
        self.scope = Scope(self.clock, "threads", grace=4)

    def elsewhere(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call something in another thread; raise or return what it does."""
        results: list[Any] = []

        def there() -> None:
            try:
                results.append(function(*args))
            except Exception as error:
                results.append(error)

        thread = Thread(target=there)
        thread.start()
        thread.join()
        if isinstance(results[0], Exception):
            raise results[0]
        return results[0]

    def test_refused(self) -> None:
        """Each method but ``close`` and ``abort`` raises WrongThread, and does nothing."""
        for call in (
            lambda: Scope(self.clock, "other"),
            lambda: self.scope.own(object(), close=int),
            lambda: self.scope.child("c"),
            lambda: self.scope.start(int),
            lambda: self.scope.call_later(1, int),
            lambda: self.scope.looping_call(int, 1),
            lambda: self.scope.run(int),
            self.scope.closing,
            self.scope.statistics,
            self.scope.tree,
            lambda: self.scope.__aenter__().send(None),
        ):
            self.assertRaises(WrongThread, self.elsewhere, call)
        self.assertEqual(self.scope.statistics().owned, {})

    def test_readable(self) -> None:
        """The state, the name and who closed it can be read in any thread."""
        self.assertEqual(self.elsewhere(repr, self.scope), "<Scope threads open>")

    def test_close(self) -> None:
        """``close`` is handed over; its Deferred fires in the reactor's thread."""
        fired: list[int] = []
        self.own("x")
        closed = self.elsewhere(self.scope.close)
        closed.addCallback(lambda _: fired.append(get_ident()))
        self.assertEqual((self.scope.state, fired), ("open", []))
        self.clock.turn()
        self.assertEqual((self.scope.state, fired), ("closed", [get_ident()]))
        self.assertIn("test_places.py:", self.scope.closed_by or "")

    def test_close_fails(self) -> None:
        """An error of the close comes through."""
        self.own("x", close=ValueError())
        closed = self.elsewhere(self.scope.close)
        self.clock.turn()
        self.failureResultOf(closed, ValueError)
        self.flushLoggedErrors(ValueError)

    def test_cancel(self) -> None:
        """Cancelling what ``close`` gave out there withdraws that waiter; the last one aborts."""
        self.own("x", drain=True)
        closed = self.elsewhere(self.scope.close)
        self.clock.turn()
        self.elsewhere(closed.cancel)
        self.assertEqual(self.scope.state, "draining")
        self.clock.turn()
        self.assertEqual(self.scope.state, "closed")
        self.failureResultOf(closed, CancelledError)

    def test_abort(self) -> None:
        """``abort`` is handed over, too."""
        self.own("x", drain=True)
        self.elsewhere(self.scope.abort)
        self.assertEqual(self.scope.state, "open")
        self.clock.turn()
        self.assertEqual(self.scope.state, "closed")

    def test_dead_reactor(self) -> None:
        """With a reactor that has stopped, the close is done where it is called."""
        self.own("x", drain=True)
        self.clock.running = False
        self.clock._startedBefore = True  # type: ignore[attr-defined]
        self.successResultOf(self.elsewhere(self.scope.close))

    def test_clock(self) -> None:
        """A clock without a way in from other threads is refused by name."""
        scope = Scope(Clock(), "plain")
        self.assertRaises(WrongThread, self.elsewhere, scope.close)
        scope.abort()

    def test_no_reactor_yet(self) -> None:
        """Before any reactor ran, every thread is as good as another."""
        self.patch(threadable, "ioThread", None)
        self.elsewhere(self.scope.child, "inner").abort()


class ProcessTests(ClosingCase):
    """Use in a process that was forked off; here the tree is made to look like another's."""

    def root(self) -> Root:
        """The root of the scope."""
        root: Root = self.scope._node.root
        return root

    def fork(self) -> None:
        """Be somebody else."""
        self.root().pid = 1

    def test_refused(self) -> None:
        """Using what was opened before the fork raises WrongProcess."""
        self.own("x")
        self.fork()
        for call in (
            lambda: self.scope.own(object(), close=int),
            lambda: self.scope.child("c"),
            lambda: self.scope.start(Deferred()),
            lambda: self.scope.call_later(1, int),
            lambda: self.scope.looping_call(int, 1),
            self.scope.closing,
        ):
            self.assertRaises(WrongProcess, call)

    def test_close_only_drops(self) -> None:
        """``close`` and ``abort`` let go of all and touch nothing."""
        for end in ("close", "abort"):
            self.scope = Scope(self.clock, end)
            self.own("x", self.child("inner"), drain=True)
            self.own("y")
            self.heard.clear()
            self.fork()
            getattr(self.scope, end)()
            self.successResultOf(self.scope.close())
            self.assertEqual((self.heard, self.scope.state), ([], "closed"))
            self.assertEqual(self.handles[-1].state, "closed")
            self.assertEqual(self.scope.tree().children, ())

    def test_close_under_way(self) -> None:
        """A close that was under way at the fork is dropped, and its waiters are not told."""
        self.own("x", drain=True)
        before = self.scope.close()
        self.fork()
        self.successResultOf(self.scope.close())
        self.assertNoResult(before)
        self.assertEqual(self.heard, ["drain x"])
        self.clock.pump([6])

    def test_finalizer(self) -> None:
        """A scope that is dropped there says nothing and closes nothing."""
        scope = Scope(self.clock, "dropped")
        self.own("x", scope)
        self.fork()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del scope
        self.clock.advance(1)
        self.assertEqual((self.heard, caught), ([], []))

    def test_new_tree(self) -> None:
        """What is opened there hangs in a tree of its own."""
        self.own("x")
        self.fork()
        scope = Scope(self.clock, "mine")
        self.assertIsNot(root_node(self.clock), self.root())
        self.own("y", scope)
        self.successResultOf(root_scope(self.clock).close())
        self.assertEqual((scope.state, self.scope.state), ("closed", "open"))

    def test_shutdown(self) -> None:
        """A reactor that stops there closes nothing of the other process."""
        self.own("x")
        self.fork()
        self.successResultOf(self.root().shutdown())
        self.assertEqual(self.heard, [])

    def test_daemonized(self) -> None:
        """The process in which the reactor runs counts, not that which built the tree before."""
        hooks: list[Any] = []

        class Starting(Clock):
            running = False

            def callWhenRunning(self, function: Any, *args: Any) -> None:
                hooks.append((function, args))

        clock = Starting()
        self.scope = Scope(clock, "early")
        self.assertEqual((self.root().pid, hooks), (None, []))
        self.own("x")
        self.assertEqual((self.root().pid, len(hooks)), (0, 1))
        clock.running = True
        ((function, args),) = hooks
        function(*args)
        self.fork()
        self.assertRaises(WrongProcess, self.scope.child, "late")
