"""The end of an object as a Deferred."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock

import txresource.weak
from tests.unit.collector import hide_what_is_older
from tests.unit.weak_case import Hostile, Owner, ThreadedReactor, WatchCase
from txresource.weak import when_collected


class WhenCollectedTests(WatchCase):
    """The end of an object, told in a turn of the reactor."""

    def test_clock(self) -> None:
        """On a clock the Deferred fires with None in a turn of its own."""
        for clock in (Clock(), MemoryReactorClock()):
            owner = Owner()
            d = when_collected(clock, owner)
            self.assertNoResult(d)
            del owner
            self.assertNoResult(d)
            clock.advance(0)
            self.assertIsNone(self.successResultOf(d))
            self.assertEqual(clock.getDelayedCalls(), [])

    def test_living_object(self) -> None:
        """While the object lives nothing is scheduled."""
        clock, owner = Clock(), Owner()
        d = when_collected(clock, owner)
        clock.advance(1)
        self.assertEqual(clock.getDelayedCalls(), [])
        self.assertNoResult(d)
        d.addErrback(lambda failure: failure.trap(CancelledError))
        d.cancel()
        del owner
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_reactor_thread(self) -> None:
        """A real reactor is told by ``callFromThread`` and the Deferred fires in its turn."""
        reactor, owner = ThreadedReactor(), Owner()
        d = when_collected(reactor, owner)
        del owner
        self.assertNoResult(d)
        self.assertEqual(len(reactor.queue), 1)
        reactor.turn()
        self.assertIsNone(self.successResultOf(d))

    def test_nobody_holds_the_deferred(self) -> None:
        """It fires though nobody holds it, and ties another Deferred to the object."""
        reactor, owner = ThreadedReactor(), Owner()
        other: Deferred[None] = Deferred()
        when_collected(reactor, owner).addCallback(lambda _: other.cancel())
        del owner
        self.assertNoResult(other)
        reactor.turn()
        self.failureResultOf(other, CancelledError)

    def test_collector_in_another_thread(self) -> None:
        """No callback runs in the collector or its thread, whichever that is."""
        reactor, threads = ThreadedReactor(), []
        ring = Owner()
        ring.ring = ring  # type: ignore[attr-defined]
        when_collected(reactor, ring).addCallback(
            lambda _: threads.append(threading.current_thread())
        )
        del ring
        worker = threading.Thread(target=gc.collect)
        worker.start()
        worker.join()
        self.assertEqual(threads, [])
        self.assertIs(reactor.queue[0][2], worker)
        reactor.turn()
        self.assertEqual(threads, [threading.current_thread()])

    def test_cancel_forgets(self) -> None:
        """Cancelled, the watch is gone: the object's end tells nobody."""
        reactor, owner = ThreadedReactor(), Owner()
        d = when_collected(reactor, owner)
        kept = when_collected(reactor, owner)
        d.cancel()
        self.failureResultOf(d, CancelledError)
        self.assertEqual(len(txresource.weak._watches), 1)
        del owner
        self.assertEqual(len(reactor.queue), 1)
        reactor.turn()
        self.successResultOf(kept)

    def test_cancelled_between_end_and_turn(self) -> None:
        """Cancelled after the object's end, it has failed and does not fire again."""
        reactor, owner = ThreadedReactor(), Owner()
        d = when_collected(reactor, owner)
        del owner
        d.cancel()
        reactor.turn()
        self.failureResultOf(d, CancelledError)

    def test_cancelled_in_another_thread(self) -> None:
        """An end that races with the cancel tells nobody and raises nothing."""
        reactor, owner = ThreadedReactor(), Owner()
        d = when_collected(reactor, owner)
        (watch,) = txresource.weak._watches.values()
        d.cancel()
        self.failureResultOf(d, CancelledError)
        txresource.weak._collected(watch)
        self.assertEqual(reactor.queue, [])

    def test_hostile_object(self) -> None:
        """The object's own comparison, hash, truth and repr are never asked."""
        clock, one, two = Clock(), Hostile(), Hostile()
        first, second = when_collected(clock, one), when_collected(clock, two)
        del one, two
        clock.advance(0)
        self.successResultOf(first)
        self.successResultOf(second)

    def test_error_in_callback_is_logged(self) -> None:
        """A callback that raises is logged as with any Deferred."""
        hide_what_is_older(self)
        reactor, owner = ThreadedReactor(), Owner()
        when_collected(reactor, owner).addCallback(lambda _: 1 / 0)
        del owner
        reactor.turn()
        gc.collect()  # Twisted logs it when the Deferred, in a ring with its failure, is freed
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def unraisable(self, reactor: ThreadedReactor) -> list[Any]:
        """Let a watched object end, and return what the interpreter had to swallow."""
        caught: list[Any] = []
        self.patch(sys, "unraisablehook", lambda seen: caught.append(seen.exc_value))
        owner = Owner()
        when_collected(reactor, owner)
        del owner
        return caught

    def test_closed_loop(self) -> None:
        """The RuntimeError of a closed asyncio loop is swallowed."""
        reactor = ThreadedReactor()
        reactor.error = RuntimeError("Event loop is closed")
        self.assertEqual(self.unraisable(reactor), [])

    def test_other_errors_are_shown(self) -> None:
        """Any other error of ``callFromThread`` is not ours to hide."""
        reactor = ThreadedReactor()
        reactor.error = ValueError("a bug")
        self.assertEqual(self.unraisable(reactor), [reactor.error])

    def test_stopped_reactor(self) -> None:
        """A reactor that has stopped for good gets nothing to queue."""
        reactor = ThreadedReactor()
        reactor.running, reactor._startedBefore = False, True
        self.assertEqual(self.unraisable(reactor), [])
        self.assertEqual(reactor.queue, [])

    def test_stopping_reactor(self) -> None:
        """A reactor that is shutting down still tells."""
        reactor = ThreadedReactor()
        reactor._startedBefore = True
        self.assertEqual(self.unraisable(reactor), [])
        self.assertEqual(len(reactor.queue), 1)

    def test_reactor_not_yet_started(self) -> None:
        """A reactor that has not started keeps the news for its first turn."""
        reactor = ThreadedReactor()
        reactor.running = False
        self.assertEqual(self.unraisable(reactor), [])
        self.assertEqual(len(reactor.queue), 1)

    def test_unknown_reactor(self) -> None:
        """A reactor that says nothing of its state is told."""

        class Bare:
            def __init__(self) -> None:
                self.queue: list[object] = []

            def callFromThread(self, call: Any, *args: object) -> None:
                self.queue.append(call)

        class Restarted(Bare):
            _startedBefore = True

        class NotRunning(Bare):
            running = False

        for reactor in (Bare(), Restarted(), NotRunning()):
            self.assertEqual(self.unraisable(reactor), [])  # type: ignore[arg-type]
            self.assertEqual(len(reactor.queue), 1)

    def test_watch_is_freed(self) -> None:
        """After the end or a cancel nothing of the watch is left, with the collector off."""
        clock, owner = Clock(), Owner()
        fired, cancelled = when_collected(clock, owner), when_collected(clock, owner)
        refs = [weakref.ref(fired), weakref.ref(cancelled)]
        cancelled.addErrback(lambda failure: failure.trap(CancelledError))
        cancelled.cancel()
        del owner
        clock.advance(0)
        del fired, cancelled
        self.assertEqual([ref() for ref in refs], [None, None])
