"""Weak callbacks: what a call does, and where it can be given."""

from __future__ import annotations

import inspect
import weakref
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.weak_case import CollectorOffMixin, Hostile, Owner
from txresource.weak import weakly


class WeaklyCallTests(CollectorOffMixin, SynchronousTestCase):
    """What a call of the wrapper does, with and without its owner."""

    def test_call_reaches_method(self) -> None:
        """Every kind of argument arrives, and the method's result comes back."""
        owner = Owner()
        call = weakly(owner.note)
        for args, kwargs in (
            ((), {}),
            ((1,), {}),
            ((None,), {}),
            ((1, 2), {}),
            ((1,), {"k": 3}),
            ((), {"k": 3}),
            ((1, 2, 3), {"k": 3, "argument": 4}),
        ):
            self.assertEqual(call(*args, **kwargs), "noted")
            self.assertEqual(owner.calls.pop(), (args, kwargs))

    def test_owner_is_not_kept(self) -> None:
        """The wrapper does not keep its owner alive."""
        owner = Owner()
        gone = weakref.ref(owner)
        call = weakly(owner.note)
        del owner
        self.assertIsNone(gone())
        self.assertEqual(call("x"), "x")

    def test_first_argument_passes(self) -> None:
        """With the owner gone the first positional argument comes back as it is."""
        call = weakly(Owner().note)
        result = Hostile()
        self.assertIs(call(result), result)
        self.assertIs(call(result, 2, k=3), result)
        failure = Failure(ValueError())
        self.assertIs(call(failure), failure)
        self.assertEqual(call(0), 0)

    def test_nothing_to_pass(self) -> None:
        """With the owner gone a call without positional arguments gives None."""
        call = weakly(Owner().note)
        self.assertIsNone(call())
        self.assertIsNone(call(k=1))

    def test_if_collected_takes_argument(self) -> None:
        """With the owner gone ``if_collected`` gets that one argument and its result counts."""
        got: list[object] = []

        def instead(argument: object) -> str:
            got.append(argument)
            return "instead"

        call = weakly(Owner().note, if_collected=instead)
        failure = Failure(ValueError())
        self.assertEqual(call(failure, 2, k=3), "instead")
        self.assertEqual(call(), "instead")
        self.assertEqual(call(k=1), "instead")
        self.assertEqual(got, [failure, None, None])

    def test_if_collected_waits_for_the_end(self) -> None:
        """While the owner lives ``if_collected`` is not called."""
        owner = Owner()
        call = weakly(owner.note, if_collected=self.fail)
        self.assertEqual(call(1), "noted")
        self.assertEqual(call(), "noted")

    def test_falsy_if_collected_counts(self) -> None:
        """A callable that is false in a test for truth is still called."""

        class Falsy:
            def __bool__(self) -> bool:
                return False

            def __call__(self, argument: object) -> str:
                return "called"

        self.assertEqual(weakly(Owner().note, if_collected=Falsy())(1), "called")

    def test_owner_lives_through_its_method(self) -> None:
        """While its method runs, the owner is held, even if the caller drops it; not longer."""
        seen: list[bool] = []

        class Dropper:
            def drop(self) -> None:
                box.clear()
                seen.append(gone() is not None)

        box = [Dropper()]
        gone = weakref.ref(box[0])
        weakly(box[0].drop)()
        self.assertEqual(seen, [True])
        self.assertIsNone(gone())

    def test_error_of_method_comes_through(self) -> None:
        """What the method raises is raised."""
        owner = Owner()
        self.assertRaises(ValueError, weakly(owner.refuse), 1)

    def test_type_error_of_method_is_not_ours(self) -> None:
        """Wrong arguments give the method's own TypeError."""
        owner = Owner()
        error = self.assertRaises(TypeError, weakly(owner.echo))
        self.assertIn("echo()", str(error))

    def test_hostile_owner(self) -> None:
        """An owner that refuses comparison, hashing and truth is called and let go."""
        owner = Hostile()
        call = weakly(owner.note)
        self.assertEqual(call(), "noted")
        self.assertEqual(call(1), "noted")
        del owner
        self.assertEqual(call(1), 1)

    def test_class_method(self) -> None:
        """A class method is bound, too; its owner is the class."""

        class Here:
            @classmethod
            def make(cls) -> str:
                return cls.__name__

        self.assertEqual(weakly(Here.make)(), "Here")


class WeaklyPositionTests(CollectorOffMixin, SynchronousTestCase):
    """The wrapper in the places that take a callable."""

    def test_never_fired_owner_is_freed(self) -> None:
        """An owner of a Deferred that never fires is freed, canceller and callbacks included."""

        class Waiter(Owner):
            def __init__(self, wrap: Any) -> None:
                super().__init__()
                self.d: Deferred[int] = Deferred(wrap(self.note))
                self.d.addCallback(wrap(self.echo)).addErrback(wrap(self.note))
                self.d.addCallbacks(wrap(self.echo), wrap(self.note)).addBoth(wrap(self.note))

        def lives(wrap: Any) -> bool:
            return weakref.ref(Waiter(wrap))() is not None

        self.assertTrue(lives(lambda method: method))
        self.assertFalse(lives(weakly))

    def test_dead_callback_passes_result(self) -> None:
        """A dead callback hands the result on to the next one, extra arguments or not."""
        d: Deferred[int] = Deferred()
        d.addCallback(weakly(Owner().note), 1, k=2)
        d.callback(7)
        self.assertEqual(self.successResultOf(d), 7)

    def test_dead_errback_passes_failure(self) -> None:
        """A dead errback handles nothing: the failure goes on to the next errback."""
        d: Deferred[int] = Deferred()
        d.addErrback(weakly(Owner().note))
        failure = Failure(ValueError())
        d.errback(failure)
        self.assertIs(self.failureResultOf(d, ValueError), failure)

    def test_dead_errback_is_logged(self) -> None:
        """A failure that only a dead errback would have handled is logged by Twisted."""
        d = fail(ValueError())
        d.addErrback(weakly(Owner().note))
        del d
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_living_callback_with_arguments(self) -> None:
        """Extra arguments of ``addCallbacks`` reach the method."""
        owner = Owner()
        d: Deferred[int] = Deferred()
        d.addCallbacks(weakly(owner.note), weakly(owner.note), (1,), {"k": 2}, (3,), {"k": 4})
        d.callback(0)
        self.assertEqual(owner.calls, [((0, 1), {"k": 2})])

    def test_canceller(self) -> None:
        """As a canceller it calls the owner with the Deferred, or does nothing when it is gone."""
        owner = Owner()
        d: Deferred[int] = Deferred(weakly(owner.note))
        d.cancel()
        self.assertEqual(owner.calls, [((d,), {})])
        self.failureResultOf(d, CancelledError)
        d = Deferred(weakly(Owner().note))
        d.cancel()
        self.failureResultOf(d, CancelledError)

    def test_delayed_call(self) -> None:
        """A delayed call does not keep the owner; fired with the owner gone it does nothing."""
        clock, owner = Clock(), Owner()
        gone = weakref.ref(owner)
        clock.callLater(1, weakly(owner.note), 1, k=2)
        clock.advance(1)
        self.assertEqual(owner.calls, [((1,), {"k": 2})])
        clock.callLater(1, weakly(owner.note))
        del owner
        self.assertIsNone(gone())
        clock.advance(1)

    def test_inline_callbacks_method(self) -> None:
        """The Deferred of an ``inlineCallbacks`` method comes back; its generator holds the owner."""
        owner, other = Owner(), Deferred()
        gone = weakref.ref(owner)
        d = weakly(owner.wait_for)(other)
        del owner
        self.assertIsNotNone(gone())
        other.callback(21)
        self.assertEqual(self.successResultOf(d), 42)
        del other
        self.assertIsNone(gone())

    def test_coroutine_method(self) -> None:
        """The coroutine of an ``async def`` method comes back as it is, not awaited."""
        owner = Owner()
        coroutine = weakly(owner.answer)(1)
        self.assertTrue(inspect.iscoroutine(coroutine))
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(coroutine)), 2)
