"""What is left to the garbage collector, with the helpers and without, on a real reactor."""

from __future__ import annotations

import gc
from typing import Any

from twisted.copyright import version
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from txresource.failures import scrub
from txresource.weak import weakly

RUNS = 10

# Until 24.7 a Deferred cleaned the failure of a callback or coroutine itself, when
# that failed, which also took away its traceback text. So where a cancel goes
# through coroutines, those releases leave nothing behind, and there is nothing to
# compare with; an error that comes in through ``yield`` does leave a ring there.
CLEANS_ITSELF = tuple(map(int, version.split(".")[:2])) < (24, 10)


def plain(thing: Any) -> Any:
    """Stand in for a helper where a test shows what is left without it."""
    return thing


class Local:
    """A variable of a coroutine."""


@inlineCallbacks
def inner(d):
    local = Local()
    yield d
    return local


@inlineCallbacks
def outer(d):
    local = Local()
    yield inner(d)
    return local


class CycleTests(TestCase):
    """Rings that Twisted programs make, counted in objects that only the collector frees."""

    timeout = 60

    @inlineCallbacks
    def garbage(self, run):
        """Run it a few times, let the reactor settle, and count what the collector finds."""
        yield run()
        yield deferLater(reactor, 0)
        gc.collect()
        gc.disable()
        try:
            for _ in range(RUNS):
                yield run()
            yield deferLater(reactor, 0)
            return gc.collect()
        finally:
            gc.enable()

    @inlineCallbacks
    def compare(self, run, helper, alike=False):
        """Assert that nothing is left with the helper, and something without it."""
        with_helper = yield self.garbage(lambda: run(helper))
        without = yield self.garbage(lambda: run(plain))
        self.assertEqual(with_helper, 0)
        if alike:
            self.assertEqual(without, 0)
        else:
            self.assertGreater(without, RUNS)

    def test_error(self):
        """An error through two coroutines."""

        def run(clean):
            d: Deferred[None] = Deferred()
            done = outer(d).addErrback(lambda failure: clean(failure) and None)
            reactor.callLater(0, d.errback, ValueError())
            return done

        return self.compare(run, scrub)

    def test_cancel(self):
        """A cancel through two coroutines."""

        def handle(clean: Any, failure: Failure) -> None:
            clean(failure).trap(CancelledError)

        def run(clean):
            done = outer(Deferred())
            done.addErrback(lambda failure: handle(clean, failure))
            reactor.callLater(0, done.cancel)
            return deferLater(reactor, 0)

        return self.compare(run, scrub, alike=CLEANS_ITSELF)

    def test_never_fired(self):
        """An owner of a Deferred that never fires, with callbacks and a canceller of its own."""

        class Owner:
            def __init__(self, wrap: Any) -> None:
                self.d: Deferred[Any] = Deferred(wrap(self.cancelled))
                self.d.addCallback(wrap(self.done))

            def cancelled(self, d: Deferred[Any]) -> None: ...

            def done(self, result: object) -> object:
                return result

        def run(wrap):
            Owner(wrap)
            return deferLater(reactor, 0)

        return self.compare(run, weakly)

    def test_fired_delayed_call(self):
        """An owner that keeps its delayed call after that has fired."""

        class Owner:
            def __init__(self, wrap: Any, fired: Deferred[None]) -> None:
                self.fired = fired
                self.call = reactor.callLater(0, wrap(self.go))

            def go(self) -> None:
                fired, self.fired = self.fired, None
                fired.callback(None)

        def run(wrap):
            fired: Deferred[None] = Deferred()
            owner = Owner(wrap, fired)
            # Held until it has fired, by its caller as in life.
            return fired.addCallback(lambda _: owner and None)

        return self.compare(run, weakly)
