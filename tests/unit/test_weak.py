"""Weak callbacks, the end of an object as a Deferred, and loops that end with their owner."""

from __future__ import annotations

import copy
import functools
import gc
import inspect
import sys
import threading
import weakref
from collections import namedtuple
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, inlineCallbacks
from twisted.internet.task import Clock, LoopingCall
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

import txresource.weak
from txresource.weak import WeakLoopingCall, weakly, when_collected


class Owner:
    """Something with callbacks."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def note(self, *args: object, **kwargs: object) -> str:
        """Remember the call."""
        self.calls.append((args, kwargs))
        return "noted"

    def echo(self, result: Any) -> Any:
        return result

    def shout(self, text: str, *, twice: bool = False) -> str:
        """Raise the voice."""
        return text.upper() * (2 if twice else 1)

    def refuse(self, result: object) -> None:
        raise ValueError(result)

    @inlineCallbacks
    def wait_for(self, other):
        result = yield other
        return result * 2

    async def answer(self, result: int) -> int:
        return result + 1


class Hostile:
    """Refuses everything that is not a plain call."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")

    def __hash__(self) -> int:
        raise AssertionError("hashed")

    def __bool__(self) -> bool:
        raise AssertionError("tested for truth")

    def __repr__(self) -> str:
        raise AssertionError("asked for its repr")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError("asked for " + name)

    def note(self, result: object = None) -> str:
        return "noted"


class CollectorOffMixin:
    """Runs each test without the garbage collector: only reference counts free things."""

    def setUp(self) -> None:
        super().setUp()  # type: ignore[misc]
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)  # type: ignore[attr-defined]


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


class WeaklyIdentityTests(CollectorOffMixin, SynchronousTestCase):
    """Two wrappers of the same are equal, so that what was added can be removed."""

    def test_same_is_equal(self) -> None:
        """Same owner, method and ``if_collected``: equal, with equal hashes."""
        owner, instead = Hostile(), lambda argument: argument
        for kwargs in ({}, {"if_collected": instead}):
            one, two = weakly(owner.note, **kwargs), weakly(owner.note, **kwargs)
            self.assertEqual(one, two)
            self.assertFalse(one != two)
            self.assertEqual(hash(one), hash(two))
            self.assertIn(two, [one])

    def test_different_is_not_equal(self) -> None:
        """Another owner, method or ``if_collected``, or no wrapper at all: not equal."""
        owner = Owner()
        one = weakly(owner.note)
        instead = weakly(owner.note, if_collected=print)
        for other in (weakly(Owner().note), weakly(owner.echo), instead, owner.note, 1, None):
            self.assertNotEqual(one, other)
            self.assertFalse(one == other)
        self.assertNotEqual(hash(one), hash(weakly(owner.echo)))
        self.assertNotEqual(hash(one), hash(instead))
        other_owner = Owner()
        self.assertNotEqual(hash(one), hash(weakly(other_owner.note)))

    def test_owner_gone(self) -> None:
        """Wrappers made before the owner's end stay equal; one of its successor is another."""
        owner = Owner()
        one, two = weakly(owner.note), weakly(owner.note)
        del owner
        self.assertEqual(one, two)
        self.assertEqual(hash(one), hash(two))
        successor = Owner()
        self.assertNotEqual(one, weakly(successor.note))

    def test_repr(self) -> None:
        """The repr names the owner's type, the method and the owner's state."""

        class Special(Owner):
            def __repr__(self) -> str:
                raise AssertionError("user code in a repr")

        owner = Special()
        call = weakly(owner.note)
        self.assertIn("Special.note, owner alive>", repr(call))
        del owner
        self.assertIn("Special.note, owner collected>", repr(call))

    def test_repr_runs_no_metaclass(self) -> None:
        """The repr asks neither the owner nor its class."""

        class Meta(type):
            def __getattribute__(cls, name: str) -> Any:
                raise AssertionError("user code in a repr")

        class Odd(metaclass=Meta):
            def note(self) -> None: ...

        self.assertTrue(repr(weakly(Odd().note)).startswith("<weakly "))

    def test_repr_without_a_name(self) -> None:
        """A method made of something nameless is named by that thing's type."""

        class Bindable:
            def __call__(self, owner: object) -> None: ...

        owner = Owner()
        call = weakly(type(owner.note)(Bindable(), owner))
        self.assertIn("Owner.WeaklyIdentityTests.test_repr_without_a_name", repr(call))

    def test_copy(self) -> None:
        """A copy is equal to what it was made of."""
        owner = Owner()
        call = weakly(owner.note)
        self.assertEqual(copy.copy(call), call)
        self.assertEqual(copy.deepcopy(call), call)


class WeaklyMetadataTests(SynchronousTestCase):
    """The wrapper answers for its method."""

    def test_names_and_documentation(self) -> None:
        """Name, qualified name, module and documentation are the method's."""
        owner = Owner()
        call = weakly(owner.shout)
        for name in ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__"):
            self.assertEqual(getattr(call, name), getattr(owner.shout, name))
        self.assertEqual(call.__doc__, "Raise the voice.")

    def test_signature(self) -> None:
        """The signature is that of the bound method, decorated or not."""
        owner = Owner()
        for method in (owner.shout, owner.wait_for, owner.note, owner.answer):
            self.assertEqual(inspect.signature(weakly(method)), inspect.signature(method))

    def test_attributes_of_function(self) -> None:
        """Attributes of the function can be read, as with a bound method; others are missing."""

        class Marked:
            def note(self) -> None: ...

            note.route = "/"  # type: ignore[attr-defined]

        owner = Marked()
        self.assertEqual(weakly(owner.note).route, "/")  # type: ignore[attr-defined]
        self.assertFalse(hasattr(weakly(owner.note), "nonsense"))

    def test_class_keeps_its_own_module(self) -> None:
        """The wrapper's class still says where it comes from."""
        owner = Owner()
        self.assertEqual(type(weakly(owner.note)).__module__, "txresource.weak")

    def test_wraps(self) -> None:
        """``functools.wraps`` takes the method's names from it."""
        owner = Owner()

        @functools.wraps(weakly(owner.shout))
        def wrapper() -> None: ...

        self.assertEqual(wrapper.__name__, "shout")

    def test_small(self) -> None:
        """The wrapper has no dict."""
        owner = Owner()
        self.assertEqual(type(weakly(owner.note)).__dictoffset__, 0)


Row = namedtuple("Row", "a")


class NamedRow(Row):
    def note(self) -> None: ...


class Slotted:
    __slots__ = ()

    def note(self) -> None: ...


class Callable_:
    def __call__(self) -> None: ...


class RefusalTests(SynchronousTestCase):
    """What cannot work is refused with the remedy for that very case."""

    def refused(self, thing: Any, **kwargs: Any) -> str:
        error = self.assertRaises(TypeError, weakly, thing, **kwargs)
        self.assertIsNone(error.__cause__)
        return str(error)

    def test_lambda(self) -> None:
        """A lambda: write a method."""
        said = self.refused(lambda: None)
        self.assertIn("weakly needs a bound method, not a lambda", said)
        self.assertIn("write its body as a method, and pass weakly(obj.method)", said)

    def test_function(self) -> None:
        """A function: read it from its object, or pass it as it is."""
        said = self.refused(Owner.note)
        self.assertIn("not the function Owner.note", said)
        self.assertIn("pass weakly(obj.note), else pass the function as it is", said)

    def test_partial(self) -> None:
        """A partial: put the wrapper inside."""
        for made in (functools.partial(print), type("P", (functools.partial,), {})(print)):
            said = self.refused(made)
            self.assertIn("functools.partial(weakly(obj.method), ...)", said)
            self.assertIn("addCallback(weakly(obj.method), ...)", said)

    def test_builtin_method(self) -> None:
        """A method of a builtin: call it in a method of one's own."""
        said = self.refused([].append)
        self.assertIn("not the builtin append", said)
        self.assertIn("call it in a method of your own class", said)
        self.assertIn("not the builtin len", self.refused(len))

    def test_class(self) -> None:
        """A class: make the object in a method."""
        said = self.refused(Owner)
        self.assertIn("not the class Owner: make the object in a method", said)

    def test_callable_object(self) -> None:
        """A callable object: pass its ``__call__``, which then is taken."""
        said = self.refused(Callable_())
        self.assertIn("not an object of type Callable_", said)
        self.assertIn("weakly(obj.__call__)", said)
        weakly(Callable_().__call__)

    def test_result_of_a_call(self) -> None:
        """Something that cannot be called: the method was called, not passed."""
        said = self.refused(None)
        self.assertIn("not an object of type NoneType", said)
        self.assertIn("pass weakly(obj.method), without calling the method", said)

    def test_twice(self) -> None:
        """A wrapper: use it as it is."""
        self.assertIn("use it as it is", self.refused(weakly(Owner().note)))

    def test_slots(self) -> None:
        """A method of an object without weak references: add the slot."""
        said = self.refused(Slotted().note)
        self.assertIn("weakly cannot hold the owner of the method: Slotted has __slots__", said)
        self.assertIn("add '__weakref__' to its __slots__", said)

    def test_variable_size(self) -> None:
        """A method of a tuple's heir, which can never have weak references: wrap it."""
        said = self.refused(NamedRow(1).note)
        self.assertIn("NamedRow is built on a type of variable size", said)
        self.assertIn("make it an attribute of an object of a plain class", said)

    def test_fallback_not_callable(self) -> None:
        """An ``if_collected`` that cannot be called is refused at once."""
        said = self.refused(Owner().note, if_collected=5)
        self.assertIn(
            "if_collected takes a callable of one argument, not an object of type int", said
        )

    def test_fallback_of_same_owner(self) -> None:
        """A method of the owner itself as ``if_collected`` would keep it alive: refused."""
        owner = Owner()
        said = self.refused(owner.note, if_collected=owner.echo)
        self.assertIn("would keep it alive for ever: give a function", said)
        weakly(owner.note, if_collected=Owner().echo)

    def test_refusal_runs_no_user_code(self) -> None:
        """Naming what was given asks it nothing."""
        self.assertIn("type Hostile", self.refused(Hostile()))

    def test_watch_of_builtin(self) -> None:
        """``when_collected`` names the remedy for a builtin, a slotted and a sized object."""
        for thing, said in (
            ([], "objects of the builtin type list have no weak references: give an object of"),
            (Slotted(), "Slotted has __slots__ without '__weakref__': add"),
            ((), "tuple is built on a type of variable size"),
        ):
            error = self.assertRaises(TypeError, when_collected, Clock(), thing)
            self.assertIn("when_collected cannot watch this: " + said, str(error))
        self.assertEqual(txresource.weak._watches, {})

    def test_watch_of_bound_method(self) -> None:
        """A bound method, gone at once, is refused: its owner was meant."""
        error = self.assertRaises(TypeError, when_collected, Clock(), Owner().note)
        self.assertIn("give the object that has the method", str(error))


class ThreadedReactor:
    """A reactor as seen from other threads: it only queues."""

    running = True
    _startedBefore = False
    error: Exception | None = None

    def __init__(self) -> None:
        self.queue: list[Any] = []

    def callFromThread(self, call: Any, *args: object) -> None:
        if self.error is not None:
            raise self.error
        self.queue.append((call, args, threading.current_thread()))

    def turn(self) -> None:
        queue, self.queue = self.queue, []
        for call, args, _ in queue:
            call(*args)


class WatchCase(CollectorOffMixin, SynchronousTestCase):
    """Nothing stays in the registry, whatever a test did."""

    def setUp(self) -> None:
        super().setUp()
        self.assertEqual(txresource.weak._watches, {})
        self.addCleanup(lambda: self.assertEqual(txresource.weak._watches, {}))


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

        for reactor in (Bare(), Restarted()):
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
            self.clock.calls.clear()
            gone = weakref.ref(loop)
            del loop
            self.assertIsNone(gone())
            del owner
            self.clock.advance(0)

    def test_refuses_what_weakly_refuses(self) -> None:
        """Functions are refused with weakly's sentence, with and without count."""
        for make in (WeakLoopingCall, WeakLoopingCall.withCount):
            error = self.assertRaises(TypeError, make, lambda *_: None)
            self.assertIn("not a lambda", str(error))

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
