"""Thread pools in a scope."""

from __future__ import annotations

import gc
import weakref
from contextlib import ExitStack
from threading import Event
from typing import Any

from twisted.internet.task import Clock
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SynchronousTestCase

from txresource import Scope
from txresource.closers.threads import ReactorThreadsCloser, abandoned_threads
from txresource.errors import ResourceClosed
from txresource.owning import own

#: Seconds after which a thread is taken for hung; never reached when all is well.
HANG = 30.0


class ThreadPoolTests(SynchronousTestCase):
    """``own(ThreadPool())``."""

    def setUp(self) -> None:
        """A scope with a running pool on a clock that must be empty at the end."""
        self.clock = Clock()
        self.scope = Scope(self.clock, "threads", grace=4)
        self.gate = Event()
        self.pool = self.make()
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(self.scope.abort)

    def make(self) -> ThreadPool:
        """Own a running pool of one thread; what blocks in it is let go at the end."""
        pool: ThreadPool = self.scope.own(ThreadPool(0, 1))
        pool.start()
        gate = self.gate

        def end() -> None:
            gate.set()
            for thread in pool.threads:
                thread.join(HANG)
            self.assertFalse(any(thread.is_alive() for thread in pool.threads))

        self.addCleanup(end)
        return pool

    def block(self) -> Event:
        """Block the thread; returns when it does."""
        begun = Event()

        def wait_for_the_gate() -> None:
            begun.set()
            self.gate.wait(HANG)

        self.pool.callInThread(wait_for_the_gate)
        self.assertTrue(begun.wait(HANG))
        return begun

    def abandoned(self) -> list[str]:
        """What was given up."""
        run = self.scope._node.run
        assert run is not None
        return [gone.what for gone in run.outcome.abandoned]

    def test_work_has_all_of_the_grace(self) -> None:
        """Work under way has the whole grace, however much is to be closed after it."""
        self.scope = Scope(self.clock, "more", grace=4)
        for _ in range(3):
            self.scope.own(object(), close=lambda: None)
            self.scope.own(ExitStack())
        self.pool = self.make()
        self.block()
        closed = self.scope.close()
        self.clock.pump([0.1] * 39)
        self.assertEqual((self.scope.state, self.pool.joined), ("draining", False))
        self.gate.set()
        while not closed.called:
            self.clock.advance(0.001)
            self.pool.threads[0].join(0.001)
        self.assertEqual(self.abandoned(), [])

    def test_idle(self) -> None:
        """Threads without work end; the close is done when they have."""
        done = Event()
        self.pool.callInThread(done.set)
        done.wait(HANG)
        closed = self.scope.close()
        for thread in tuple(self.pool.threads):
            self.clock.advance(0.05)  # it may have been on its way to be idle
            thread.join(HANG)
        self.clock.advance(0.05)
        self.successResultOf(closed)

    def test_never_used(self) -> None:
        """A pool without threads, started or not, is closed at once."""
        self.scope.own(ThreadPool(0, 1))
        self.successResultOf(self.scope.close())

    def test_work_has_the_grace(self) -> None:
        """Work under way, and work that waits for it, is finished within the grace."""
        self.block()
        second = Event()
        self.pool.callInThread(second.set)
        closed = self.scope.close()
        self.clock.advance(1)
        self.assertNoResult(closed)
        self.gate.set()
        self.assertTrue(second.wait(HANG))
        while not closed.called:  # the thread ends in its own time
            self.clock.advance(0.001)
            self.pool.threads[0].join(0.001)
        self.successResultOf(closed)
        self.assertLess(self.clock.seconds(), 4)

    def test_blocks_for_ever(self) -> None:
        """A thread that never ends is abandoned in time, named with the function that it is in."""
        self.block()
        closed = self.scope.close()
        self.clock.pump([0.1] * 56)
        self.successResultOf(closed)
        (what,) = self.abandoned()
        self.assertIn("threadpool", what)
        self.assertIn(" in wait_for_the_gate)", what)

    def test_plain_stop_blocks(self) -> None:
        """The pool's own ``stop`` would not return while a thread works: it joins."""
        self.block()
        joined: list[Any] = []
        (thread,) = self.pool.threads
        vars(thread)["join"] = lambda *_: joined.append(thread)
        ThreadPool.stop(self.pool)
        del vars(thread)["join"]
        self.assertEqual(joined, [thread])

    def test_refuses(self) -> None:
        """What a closed pool is given fails; by itself the pool would drop it."""
        self.scope.close()
        results: list[Any] = []
        self.pool.callInThreadWithCallback(lambda *result: results.append(result), int)
        ((success, failure),) = results
        self.assertFalse(success)
        failure.trap(ResourceClosed)
        self.assertRaises(ResourceClosed, self.pool.callInThread, int)

    def test_stopped_by_somebody(self) -> None:
        """A pool that somebody stops leaves the tree; owned later, it never enters."""
        self.pool.stop()
        self.assertEqual((self.scope.tree().children, "stop" in vars(self.pool)), ((), False))
        self.scope.own(self.pool)
        self.assertEqual(self.scope.tree().children, ())

    def test_stopped_again(self) -> None:
        """A trigger that stops a closed pool once more does no harm."""
        self.scope.close()
        self.clock.advance(0.05)
        self.pool.stop()

    def test_aborted(self) -> None:
        """Aborting tells the threads, and gives up those that work."""
        self.block()
        self.scope.abort()
        self.assertEqual((self.scope.state, self.pool.joined), ("closed", True))

    def test_dead_reactor(self) -> None:
        """Where no reactor runs any more, threads without work are joined, and the others given up."""
        clock: Any = self.clock
        clock.running, clock._startedBefore = False, True
        working = self.pool
        self.block()
        idle = self.make()
        done = Event()
        idle.callInThread(done.set)
        done.wait(HANG)
        self.successResultOf(self.scope.close())
        self.assertEqual(len(self.abandoned()), 1)
        self.assertFalse(any(thread.is_alive() for thread in idle.threads))
        self.assertTrue(all(thread.is_alive() for thread in working.threads))

    def test_freed_without_collector(self) -> None:
        """The scope's side of a pool that was closed or stopped is freed with the collector off."""
        gc.disable()
        self.addCleanup(gc.enable)
        pools = [self.pool, self.make()]
        nodes = [weakref.ref(node) for node in self.scope._node.children or ()]
        pools[1].stop()
        self.scope.close()
        self.assertEqual([node() for node in nodes], [None, None])


class ReactorThreadsTests(SynchronousTestCase):
    """The pool that a reactor makes when it is first needed."""

    def setUp(self) -> None:
        """A reactor that may have a pool, and a scope that owns what it may have."""
        self.clock: Any = Clock()
        self.clock.threadpool = None
        self.scope = Scope(self.clock, "program", grace=4)
        own(self.scope._node, self.clock, "of the reactor", None, ReactorThreadsCloser())
        self.gate = Event()
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def use(self) -> ThreadPool:
        """Block a thread of its pool until the gate opens."""
        pool = self.clock.threadpool = ThreadPool(0, 1)
        pool.start()
        threads = pool.threads
        begun = Event()

        def wait_for_the_gate() -> None:
            begun.set()
            self.gate.wait(HANG)

        def end() -> None:
            self.gate.set()
            for thread in threads:
                thread.join(HANG)

        pool.callInThread(wait_for_the_gate)
        self.addCleanup(end)
        self.assertTrue(begun.wait(HANG))
        return pool

    def close(self) -> Any:
        """Close the scope, because the reactor stops."""
        self.scope._node.root.stopping = True
        closed = self.scope.close()
        self.clock.pump([0.1] * 60)
        self.successResultOf(closed)
        run: Any = self.scope._node.run
        return run.outcome

    def test_never_used(self) -> None:
        """A reactor without a pool has nothing to close, and nothing is counted."""
        outcome = self.close()
        self.assertEqual((outcome.closed.total(), outcome.aborted.total()), (0, 0))

    def test_used(self) -> None:
        """Its work is waited for, and it counts."""
        pool = self.use()
        (thread,) = pool.threads
        self.scope._node.root.stopping = True
        closed = self.scope.close()
        self.clock.advance(1)
        self.assertNoResult(closed)
        self.gate.set()
        while not closed.called:  # the thread ends in its own time
            self.clock.advance(0.001)
            thread.join(0.001)
        self.successResultOf(closed)
        run: Any = self.scope._node.run
        self.assertEqual(run.outcome.closed["threadpool"], 1)
        self.assertTrue(pool.joined)
        self.assertEqual(abandoned_threads(), [])

    def test_blocks_for_ever(self) -> None:
        """A thread that does not end is abandoned, named, and known as long as it lives."""
        (thread,) = self.use().threads
        outcome = self.close()
        self.assertIn("of the reactor", outcome.abandoned[0].what)
        self.assertIn("wait_for_the_gate", outcome.abandoned[0].what)
        self.assertEqual(abandoned_threads(), [thread])
        self.gate.set()
        thread.join(HANG)
        self.assertEqual(abandoned_threads(), [])

    def test_the_reactor_goes_on(self) -> None:
        """The pool of a reactor that does not stop is not touched."""
        pool = self.use()
        self.successResultOf(self.scope.close())
        self.assertFalse(pool.joined)
        done = Event()
        self.gate.set()
        pool.callInThread(done.set)
        self.assertTrue(done.wait(HANG))
        pool.stop()
