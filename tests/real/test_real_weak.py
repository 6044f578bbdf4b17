"""Each position of ``weakly`` on a real reactor, beside a plain bound method that keeps its owner."""

from __future__ import annotations

import gc
import os
import sys
import threading
import weakref
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks
from twisted.internet.task import LoopingCall, deferLater
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from txresource.weak import WeakLoopingCall, weakly, when_collected


def plain(method: Any) -> Any:
    """Stand in for ``weakly`` where a test shows what happens without it."""
    return method


def turn(seconds: float = 0) -> Deferred[None]:
    """Let the reactor go round."""
    return deferLater(reactor, seconds)


class Owner:
    """Has a method for every position, and tells what was called."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def note(self, *args: Any, **kwargs: Any) -> Any:
        self.log.append((args, kwargs, threading.current_thread()))
        return args[0] if args else None

    def handle(self, failure: Failure) -> str:
        self.log.append(failure.type)
        return "handled"

    @inlineCallbacks
    def slow(self, result):
        yield turn()
        return result * 2

    async def coroutine(self, result: int) -> int:
        await turn()
        return result * 2


class RealReactorCase(TestCase):
    """Runs without the garbage collector; hangs are cut after a generous time."""

    timeout = 30

    def setUp(self) -> None:
        self.log: list[Any] = []
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)

    def lives_after(self, place: Any) -> bool:
        """Put a new owner's method in a place, drop the owner, and say whether it still lives."""
        owner = Owner(self.log)
        gone = weakref.ref(owner)
        place(owner)
        del owner
        return gone() is not None


class WeaklyInDeferredTests(RealReactorCase):
    """Callbacks, errbacks and cancellers of Deferreds that the reactor fires."""

    def fire_later(self, result: Any) -> Deferred[Any]:
        d: Deferred[Any] = Deferred()
        reactor.callLater(0, d.errback if isinstance(result, Exception) else d.callback, result)
        return d

    @inlineCallbacks
    def test_callback(self):
        """``addCallback``: the owner is let go and the result passes; plain, it is held and called."""
        for wrap, lives, calls in ((plain, True, 1), (weakly, False, 0)):
            self.log.clear()
            d = self.fire_later(7)
            self.assertIs(
                self.lives_after(lambda o, d=d, w=wrap: d.addCallback(w(o.note), 1, k=2)), lives
            )
            self.assertEqual((yield d), 7)
            self.assertEqual(len(self.log), calls)

    @inlineCallbacks
    def test_errback(self):
        """``addErrback``: the owner is let go and the failure passes; plain, it is handled."""
        d = self.fire_later(ValueError())
        self.assertTrue(self.lives_after(lambda o: d.addErrback(o.handle)))
        self.assertEqual((yield d), "handled")
        self.log.clear()
        d = self.fire_later(ValueError())
        self.assertFalse(self.lives_after(lambda o: d.addErrback(weakly(o.handle))))
        yield self.assertFailure(d, ValueError)
        self.assertEqual(self.log, [])

    @inlineCallbacks
    def test_callbacks_and_both(self):
        """``addCallbacks`` and ``addBoth``: as the two above, with arguments for each."""
        for wrap, lives, calls in ((plain, True, 2), (weakly, False, 0)):
            self.log.clear()
            d = self.fire_later(7)

            def place(owner, d=d, wrap=wrap):
                d.addCallbacks(
                    wrap(owner.note), wrap(owner.handle), callbackArgs=(1,), errbackArgs=(2,)
                )
                d.addBoth(wrap(owner.note), 3)

            self.assertIs(self.lives_after(place), lives)
            self.assertEqual((yield d), 7)
            self.assertEqual(len(self.log), calls)

    @inlineCallbacks
    def test_living_owner_is_called(self):
        """With the owner alive, each position calls it with the result and its own arguments."""
        owner = Owner(self.log)
        d = self.fire_later(7).addCallback(weakly(owner.note), 1, k=2)
        yield d.addBoth(weakly(owner.note))
        self.assertEqual([call[:2] for call in self.log], [((7, 1), {"k": 2}), ((7,), {})])

    @inlineCallbacks
    def test_canceller(self):
        """As a canceller: the owner is let go, and the cancel works with it and without."""
        owner = Owner(self.log)
        d: Deferred[None] = Deferred(weakly(owner.note))
        reactor.callLater(0, d.cancel)
        yield self.assertFailure(d, CancelledError)
        self.assertEqual(len(self.log), 1)
        made = []
        self.assertTrue(self.lives_after(lambda o: made.append(Deferred(o.note))))
        self.assertFalse(self.lives_after(lambda o: made.append(Deferred(weakly(o.note)))))
        reactor.callLater(0, made[1].cancel)
        yield self.assertFailure(made[1], CancelledError)
        self.assertEqual(len(self.log), 1)

    @inlineCallbacks
    def test_coroutine_methods(self):
        """``inlineCallbacks`` methods are waited for; ``async def`` ones hand on their coroutine."""
        owner = Owner(self.log)
        self.assertEqual((yield self.fire_later(7).addCallback(weakly(owner.slow))), 14)
        made = yield self.fire_later(7).addCallback(weakly(owner.coroutine))
        self.assertEqual((yield Deferred.fromCoroutine(made)), 14)
        gone = weakref.ref(owner)
        d = self.fire_later(7).addCallback(weakly(owner.slow))
        d.addCallback(lambda result: result)
        running = weakly(owner.slow)(1)
        del owner
        self.assertIsNotNone(gone(), "the running generator holds its owner")
        yield running
        del running, made
        yield d


class WeaklyInReactorTests(RealReactorCase):
    """Delayed calls, calls from threads and event triggers."""

    @inlineCallbacks
    def test_call_later(self):
        """``callLater``: the owner is let go before the time; plain, it is held until then."""
        for wrap, lives, calls in ((plain, True, 1), (weakly, False, 0)):
            self.log.clear()
            self.assertIs(
                self.lives_after(lambda o, w=wrap: reactor.callLater(0.01, w(o.note), 1, k=2)),
                lives,
            )
            yield turn(0.02)
            self.assertEqual([call[:2] for call in self.log], [((1,), {"k": 2})] * calls)

    @inlineCallbacks
    def test_call_from_thread(self):
        """``callFromThread``: queued by a thread it does not hold the owner, and runs in the reactor."""
        for wrap, lives, calls in ((plain, True, 1), (weakly, False, 0)):
            self.log.clear()

            def place(owner, wrap=wrap):
                # Joined at once: the call is still in the queue when the owner is dropped.
                thread = threading.Thread(
                    target=reactor.callFromThread, args=(wrap(owner.note), 1), kwargs={"k": 2}
                )
                thread.start()
                thread.join()

            self.assertIs(self.lives_after(place), lives)
            yield turn()
            yield turn()
            self.assertEqual([call[:2] for call in self.log], [((1,), {"k": 2})] * calls)
        owner = Owner(self.log)
        yield deferToThread(reactor.callFromThread, weakly(owner.note), 5)
        yield turn()
        self.assertEqual(self.log[-1][0], (5,))
        self.assertIs(self.log[-1][2], threading.current_thread())

    def test_system_event_trigger(self):
        """``addSystemEventTrigger``: in each phase the owner is let go; plain, it is held and called."""
        for phase in ("before", "during", "after"):
            for wrap, lives, calls in ((plain, True, 1), (weakly, False, 0)):
                self.log.clear()
                event = f"test-of-weakly-{phase}-{lives}"
                self.assertIs(
                    self.lives_after(
                        lambda o, w=wrap, p=phase, e=event: reactor.addSystemEventTrigger(
                            p, e, w(o.note), k=2
                        )
                    ),
                    lives,
                )
                reactor.fireSystemEvent(event)
                self.assertEqual([call[:2] for call in self.log], [((), {"k": 2})] * calls)

    def test_trigger_of_living_owner(self):
        """A trigger whose owner lives is called, and its Deferred is waited for."""
        owner = Owner(self.log)
        waited: Deferred[None] = Deferred()
        reactor.addSystemEventTrigger("before", "test-of-weakly", weakly(owner.note), waited)
        reactor.addSystemEventTrigger("during", "test-of-weakly", weakly(owner.note), "during")
        reactor.fireSystemEvent("test-of-weakly")
        self.assertEqual([call[0] for call in self.log], [(waited,)])
        waited.callback(None)
        self.assertEqual([call[0] for call in self.log], [(waited,), ("during",)])

    def test_trigger_is_removed(self):
        """A trigger is removed by the id that adding it gave."""
        owner = Owner(self.log)
        event = "test-of-weakly-removed"
        number = reactor.addSystemEventTrigger("before", event, weakly(owner.note))
        reactor.removeSystemEventTrigger(number)
        reactor.fireSystemEvent(event)
        self.assertEqual(self.log, [])


class WhenCollectedTests(RealReactorCase):
    """The end of an object, told by the real reactor."""

    @inlineCallbacks
    def test_fires_in_the_reactor(self):
        """It fires with None in a later turn of the reactor, in its thread."""
        owner, threads = Owner(self.log), []
        d = when_collected(reactor, owner)
        d.addCallback(lambda result: threads.append((result, threading.current_thread())))
        del owner
        self.assertEqual(threads, [])
        yield d
        self.assertEqual(threads, [(None, threading.current_thread())])

    @inlineCallbacks
    def test_collected_by_a_thread(self):
        """An owner that the collector frees on another thread is told in the reactor's."""
        ring, found = Owner(self.log), []
        ring.ring = ring
        d = when_collected(reactor, ring)
        d.addCallback(lambda _: found.append(threading.current_thread()))
        del ring

        # Joined here, so that the reactor cannot turn before the thread is done.
        worker = threading.Thread(target=gc.collect)
        worker.start()
        worker.join()
        self.assertEqual(found, [])
        yield d
        self.assertEqual(found, [threading.current_thread()])

    @inlineCallbacks
    def test_ties_a_deferred_to_its_owner(self):
        """Nobody holds the Deferred, and the work is cancelled when its owner is gone."""
        owner = Owner(self.log)
        work = turn(3600)
        when_collected(reactor, owner).addCallback(lambda _: work.cancel())
        del owner
        yield self.assertFailure(work, CancelledError)


class WeakLoopingCallTests(RealReactorCase):
    """Loops on the real reactor."""

    @inlineCallbacks
    def test_stops_at_once(self):
        """The loop of an hour ends as soon as its owner is gone; a plain one goes on and holds it."""
        started = []
        self.assertTrue(self.lives_after(lambda o: started.append(self.start(LoopingCall, o))))
        self.assertFalse(self.lives_after(lambda o: started.append(self.start(WeakLoopingCall, o))))
        (plain_loop, _), (weak_loop, ended) = started
        self.assertIs((yield ended), weak_loop)
        self.assertFalse(weak_loop.running)
        self.assertTrue(plain_loop.running)
        plain_loop.stop()
        self.assertEqual(len(self.log), 2)

    def start(self, make: Any, owner: Owner) -> tuple[LoopingCall, Deferred[Any]]:
        loop = make(owner.note)
        return loop, loop.start(3600)

    @inlineCallbacks
    def test_ticks(self):
        """While its owner lives it ticks."""
        owner = Owner(self.log)
        loop = WeakLoopingCall(owner.note, 1)
        ended = loop.start(0.001)
        while len(self.log) < 3:
            yield turn(0.001)
        del owner
        yield ended


PRELUDE = """
import gc, sys
from twisted.internet import asyncioreactor, selectreactor
NAME.install()
from twisted.internet import reactor
from txresource.weak import when_collected
gc.disable()
class Owner: pass
owner, told = Owner(), []
when_collected(reactor, owner).addCallback(told.append)
"""

STOPPED = """
reactor.callWhenRunning(reactor.stop)
reactor.run()
del owner
print(told, len(reactor.threadCallQueue))
"""

CLOSED = """
reactor.callWhenRunning(reactor.crash)
reactor.run()
reactor._asyncioEventloop.close()
del owner
print(told)
"""

STARTED_LATE = """
del owner
print(told)
reactor.callLater(0, reactor.callLater, 0, reactor.stop)
reactor.run()
print(told)
"""

STOPPING = """
def last_moment():
    global owner
    del owner
    d = Deferred()
    reactor.callLater(0.01, d.callback, None)
    return d
from twisted.internet.defer import Deferred
reactor.addSystemEventTrigger("before", "shutdown", last_moment)
reactor.callWhenRunning(reactor.stop)
reactor.run()
print(told)
"""


class EndOfReactorTests(TestCase):
    """Objects that end while no reactor runs, each in an interpreter of its own."""

    timeout = 60

    @inlineCallbacks
    def check(self, program: str, said: str, names: tuple[str, ...] = ("asyncio", "select")):
        """Run a program on some reactors; it prints just that, and nothing to stderr."""
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        for name in names:
            code = PRELUDE.replace("NAME", name + "reactor") + program
            out, err, status = yield getProcessOutputAndValue(sys.executable, ["-c", code], env=env)
            self.assertEqual((out.decode(), err.decode(), status), (said, "", 0), name)

    def test_stopped(self):
        """After a reactor has stopped, an end is told to nobody and queued nowhere."""
        return self.check(STOPPED, "[] 0\n")

    def test_closed_loop(self):
        """After an asyncio loop was closed under a reactor, an end raises nothing."""
        return self.check(CLOSED, "[]\n", ("asyncio",))

    def test_never_started(self):
        """Of a reactor that never starts nothing is heard, not even when the interpreter ends."""
        return self.check("", "")

    def test_started_late(self):
        """An end before the reactor starts is told in its first turns."""
        return self.check(STARTED_LATE, "[]\n[None]\n")

    def test_while_stopping(self):
        """An end during shutdown is still told."""
        return self.check(STOPPING, "[None]\n")
