"""Loops that end with their owner."""

from __future__ import annotations

import weakref
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, LoopingCall

import txresource.weak
from tests.unit.weak_case import ThreadedReactor, WatchCase
from txresource.weak import WeakLoopingCall, weakly


class Ticker:
    """Has something to do from time to time."""

    def __init__(self) -> None:
        self.ticks: list[Any] = []
        self.result: Any = None

    def tick(self, *args: object, **kwargs: object) -> Any:
        self.ticks.append((args, kwargs))
        return self.result

    def count(self, number: int) -> None:
        self.ticks.append(number)

    def fail(self) -> None:
        raise ValueError


class LoopCase(WatchCase):
    """No delayed call is left on any clock that a test used."""

    def loop(self, make: Any, *args: Any, **kwargs: Any) -> WeakLoopingCall:
        self.clock = Clock()
        clock, loop = self.clock, make(*args, **kwargs)
        loop.clock = clock
        self.addCleanup(lambda: self.assertEqual(clock.getDelayedCalls(), []))
        return loop


class WeakLoopingCallTests(LoopCase):
    """Loops that end with their owner."""

    def test_ticks(self) -> None:
        """While the owner lives it is a looping call like others, arguments included."""
        owner = Ticker()
        loop = self.loop(WeakLoopingCall, owner.tick, 1, k=2)
        self.assertIsInstance(loop, LoopingCall)
        ended = loop.start(10)
        self.clock.pump([10, 10])
        self.assertEqual(owner.ticks, [((1,), {"k": 2})] * 3)
        loop.stop()
        self.assertIs(self.successResultOf(ended), loop)

    def test_not_at_once(self) -> None:
        """``now=False`` waits for the first interval."""
        owner = Ticker()
        loop = self.loop(WeakLoopingCall, owner.tick)
        loop.start(10, now=False)
        self.assertEqual(owner.ticks, [])
        self.clock.advance(10)
        self.assertEqual(len(owner.ticks), 1)
        loop.stop()

    def test_stops_with_owner(self) -> None:
        """The owner gone, the loop stops in the next turn, long before its next tick."""
        owner = Ticker()
        gone = weakref.ref(owner)
        loop = self.loop(WeakLoopingCall, owner.tick)
        ended = loop.start(3600)
        del owner
        self.assertIsNone(gone())
        self.assertTrue(loop.running)
        self.clock.advance(0)
        self.assertFalse(loop.running)
        self.assertIs(self.successResultOf(ended), loop)

    def test_plain_loop_ticks_on(self) -> None:
        """``weakly`` in a plain looping call would tick for ever: that is what this is for."""
        owner = Ticker()
        loop = self.loop(LoopingCall, weakly(owner.tick))
        loop.start(10)
        del owner
        self.clock.pump([10] * 5)
        self.assertTrue(loop.running)
        loop.stop()

    def test_tick_between_end_and_stop(self) -> None:
        """A tick that comes before the news of the owner's end does no harm."""
        owner = Ticker()
        loop = self.loop(WeakLoopingCall, owner.tick)
        news = ThreadedReactor()
        self.clock.callFromThread = news.callFromThread  # type: ignore[attr-defined]
        ended = loop.start(1)
        del owner
        self.clock.advance(1)
        self.assertTrue(loop.running)
        news.turn()
        self.assertIs(self.successResultOf(ended), loop)

    def test_owner_gone_before_start(self) -> None:
        """Started without an owner, it has stopped already and scheduled nothing."""
        loop = self.loop(WeakLoopingCall, Ticker().tick)
        self.assertIs(self.successResultOf(loop.start(1)), loop)
        self.assertFalse(loop.running)

    def test_owner_may_go_while_stopped(self) -> None:
        """The owner's end after ``stop`` does nothing, and the watch ended with the loop."""
        owner = Ticker()
        loop = self.loop(WeakLoopingCall, owner.tick)
        loop.start(1)
        loop.stop()
        self.assertEqual(txresource.weak._watches, {})
        del owner
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_error_ends_loop_and_watch(self) -> None:
        """A method that raises fails the Deferred, and the watch ends, at the first tick or later."""
        owner = Ticker()
        loop = self.loop(WeakLoopingCall, owner.fail)
        self.failureResultOf(loop.start(1), ValueError)
        self.assertEqual(txresource.weak._watches, {})
        ended = loop.start(1, now=False)
        self.assertEqual(len(txresource.weak._watches), 1)
        self.clock.advance(1)
        self.failureResultOf(ended, ValueError)
        self.assertEqual(txresource.weak._watches, {})

    def test_restart(self) -> None:
        """Stopped and started again, it ends with its owner all the same."""
        owner = Ticker()
        loop = self.loop(WeakLoopingCall, owner.tick)
        loop.start(1)
        loop.stop()
        ended = loop.start(1)
        del owner
        self.clock.advance(0)
        self.successResultOf(ended)

    def test_pending_call_is_waited_for(self) -> None:
        """Owner gone while its Deferred is out: no more ticks, and the end when that fires."""
        owner = Ticker()
        pending = owner.result = Deferred()
        loop = self.loop(WeakLoopingCall, owner.tick)
        ended = loop.start(1)
        del owner
        self.clock.advance(0)
        self.assertFalse(loop.running)
        self.assertNoResult(ended)
        pending.callback(None)
        self.successResultOf(ended)

    def test_stopped_while_pending(self) -> None:
        """Stopped while its Deferred is out, the owner's end changes nothing."""
        owner = Ticker()
        pending = owner.result = Deferred()
        loop = self.loop(WeakLoopingCall, owner.tick)
        ended = loop.start(1)
        loop.stop()
        del owner
        self.clock.advance(0)
        self.assertNoResult(ended)
        pending.callback(None)
        self.successResultOf(ended)

    def test_freed(self) -> None:
        """Stopped by its owner's end or by ``stop``, the loop is freed at once."""
        for make, name in ((WeakLoopingCall, "tick"), (WeakLoopingCall.withCount, "count")):
            for stop in (True, False):
                owner = Ticker()
                loop = self.loop(make, getattr(owner, name))
                loop.start(1)
                gone = [weakref.ref(loop), weakref.ref(owner)]
                if stop:
                    loop.stop()
                del owner
                self.clock.advance(0)
                del loop
                self.assertEqual([ref() for ref in gone], [None, None])

    def test_owner_holds_loop(self) -> None:
        """Held by its owner, as most are, neither keeps the other alive."""
        clock = Clock()

        class Service(Ticker):
            def __init__(self) -> None:
                super().__init__()
                self.loop = WeakLoopingCall(self.tick)
                self.loop.clock = clock
                self.loop.start(60)

        gone = weakref.ref(Service())
        self.assertIsNone(gone())
        clock.advance(0)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_no_ring_with_itself(self) -> None:
        """A started loop that its clock has forgotten is freed at once, though the owner lives."""
        for make, name in ((WeakLoopingCall, "tick"), (WeakLoopingCall.withCount, "count")):
            owner = Ticker()
            loop = self.loop(make, getattr(owner, name))
            loop.start(1)
            loop.call.cancel()
            loop.call = None
            gone = weakref.ref(loop)
            del loop
            self.assertIsNone(gone())
            del owner
            self.clock.advance(0)

    def test_refuses_functions(self) -> None:
        """Functions are refused with the name of what they want, with and without count."""
        for make in (WeakLoopingCall, WeakLoopingCall.withCount):
            error = self.assertRaises(TypeError, make, lambda *_: None)
            self.assertIn("not a lambda: write WeakLoopingCall(obj.method)", str(error))

    def test_repr(self) -> None:
        """The repr names method, owner's state and the loop's own."""
        owner = Ticker()
        loop = self.loop(WeakLoopingCall, owner.tick)
        self.assertEqual(
            repr(loop), "<WeakLoopingCall of <weakly Ticker.tick, owner alive>, not running>"
        )
        loop.start(2)
        self.assertIn("alive>, every 2 s>", repr(loop))
        loop.stop()


class WithCountTests(LoopCase):
    """The loop that counts agrees with Twisted's own."""

    def both(self, script: Any) -> tuple[list[int], list[int]]:
        """Run the same script on Twisted's loop and on ours."""
        found = []
        for make in (LoopingCall.withCount, WeakLoopingCall.withCount):
            owner = Ticker()
            loop = self.loop(make, owner.count)
            script(loop, self.clock)
            if loop.running:
                loop.stop()
            found.append(owner.ticks)
        return found[0], found[1]

    def test_late_turns(self) -> None:
        """Turns that come late are counted, with and without a call at once."""
        for now in (True, False):

            def script(loop: LoopingCall, clock: Clock, now: bool = now) -> None:
                loop.start(2, now=now)
                clock.pump([1, 1, 5, 0.5, 2, 7, 0.1, 2])

            theirs, ours = self.both(script)
            self.assertEqual(ours, theirs)
            self.assertGreater(max(ours), 2)

    def test_reset(self) -> None:
        """``reset`` begins the interval anew."""

        def script(loop: LoopingCall, clock: Clock) -> None:
            loop.start(4)
            clock.pump([1, 3, 2])
            loop.reset()
            clock.pump([3, 1, 9, 4])

        theirs, ours = self.both(script)
        self.assertEqual(ours, theirs)

    def test_reset_before_first_tick(self) -> None:
        """``reset`` before the first tick of a loop that did not begin at once."""

        def script(loop: LoopingCall, clock: Clock) -> None:
            loop.start(4, now=False)
            clock.advance(3)
            loop.reset()
            clock.pump([3, 1, 4])

        theirs, ours = self.both(script)
        self.assertEqual(ours, theirs)

    def test_interval_zero(self) -> None:
        """With an interval of 0 the count is always 1."""

        def script(loop: LoopingCall, clock: Clock) -> None:
            loop.start(0)
            for seconds in (1, 0, 3):
                # By hand: on a clock that stands still it would tick for ever.
                clock.rightNow += seconds
                loop.f()

        theirs, ours = self.both(script)
        self.assertEqual(ours, theirs)
        self.assertEqual(ours, [1, 1, 1, 1])

    def test_restart_counts_anew(self) -> None:
        """Started again, it counts from that start."""
        owner = Ticker()
        loop = self.loop(WeakLoopingCall.withCount, owner.count)
        loop.start(1)
        loop.stop()
        self.clock.advance(100)
        loop.start(1, now=False)
        self.clock.advance(1)
        loop.stop()
        self.assertEqual(owner.ticks, [1, 1])

    def test_early_turn_counts_nothing(self) -> None:
        """Asked before an interval has ended, it calls nobody."""
        owner = Ticker()
        loop = self.loop(WeakLoopingCall.withCount, owner.count)
        loop.start(10)
        self.assertIsNone(loop.f())
        self.assertEqual(owner.ticks, [1])
        loop.stop()

    def test_ends_with_owner(self) -> None:
        """It ends with its owner, too."""
        owner = Ticker()
        loop = self.loop(WeakLoopingCall.withCount, owner.count)
        ended = loop.start(3600)
        del owner
        self.clock.advance(0)
        self.assertIs(self.successResultOf(ended), loop)

    def test_waits_for_method(self) -> None:
        """A Deferred that the method returns is waited for."""
        owner = Ticker()
        pending = owner.result = Deferred()
        loop = self.loop(WeakLoopingCall.withCount, owner.tick)
        loop.start(1)
        self.clock.advance(5)
        self.assertEqual(owner.ticks, [((1,), {})])
        loop.stop()
        pending.callback(None)
