"""The assertions for test cases: what they let pass, what they do not, and what they say."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from txresource.connections import ManagedFactoryMixin
from txresource.scope import Scope, root_scope
from txresource.testing import LeakAssertionsMixin
from txresource.testing.frames import read_locals

REGISTRY: list[Any] = []


class Thing:
    """Something that can be held, and can hold."""

    kept: list[Any] = []


class Slotted:
    """The same, in a slot."""

    __slots__ = ("held",)


class CollectedCase(LeakAssertionsMixin, SynchronousTestCase):
    """What the classes below share."""

    def setUp(self) -> None:
        """What a test puts into the module or the class does not outlive it."""
        self.addCleanup(REGISTRY.clear)
        self.addCleanup(Thing.kept.clear)

    def complaint(self, obj_or_ref: object) -> str:
        """What the assertion says against an object."""
        return str(self.assertRaises(self.failureException, self.assertCollected, obj_or_ref))


class OwnHandsTests(CollectedCase):
    """What the running test itself holds is no leak."""

    def test_local_variable(self) -> None:
        """An object that only a local variable holds passes, and None is returned."""
        thing = Thing()
        self.assertIsNone(self.assertCollected(thing))  # type: ignore[func-returns-value]

    def test_callers_further_up(self) -> None:
        """Local variables of every function on the stack are the test's own."""
        thing = Thing()

        def deeper(given: Thing) -> None:
            self.assertCollected(given)

        deeper(thing)

    def test_attribute_of_the_test(self) -> None:
        """Attributes of the test case are its own, and so are the lists and dicts in them."""
        self.thing = Thing()
        self.things = {"one": [self.thing]}
        self.assertCollected(self.thing)

    def test_plain_containers(self) -> None:
        """A loop over a list of them, a closure and a partial of the test are its own."""
        things = [Thing(), Thing()]
        made = partial(id, things[0])
        closed = [lambda: (things, made)]
        for thing in things:
            self.assertCollected(thing)
        self.assertEqual(len(closed), 1)

    def test_clean_up(self) -> None:
        """What waits in a clean-up of the test does not count."""
        thing, inner = Thing(), Thing()
        thing.inner = inner  # type: ignore[attr-defined]
        self.addCleanup(setattr, thing, "closed", True)
        self.assertCollected(inner.__class__ and thing)

    def test_cycle(self) -> None:
        """A cycle that only the test holds passes."""
        thing, other = Thing(), Thing()
        thing.other, other.thing = other, thing  # type: ignore[attr-defined]
        del other
        self.assertCollected(thing)

    def test_many_in_a_cycle(self) -> None:
        """A tree whose many parts refer to its root passes, by the root alone."""
        root = Thing()
        root.parts = [Thing() for _ in range(100)]  # type: ignore[attr-defined]
        for part in root.parts:  # type: ignore[attr-defined]
            part.root = root
        del part
        self.assertCollected(root)

    def test_dead_reference(self) -> None:
        """A weak reference whose object is gone, by the collector if need be, passes."""
        thing = Thing()
        thing.me = thing  # type: ignore[attr-defined]
        ref = weakref.ref(thing)
        del thing
        self.assertCollected(ref)
        self.assertIsNone(ref())

    def test_reference_to_what_the_test_holds(self) -> None:
        """A weak reference to an object that only the test holds passes."""
        thing = Thing()
        self.assertCollected(weakref.ref(thing))

    def test_nothing_is_kept(self) -> None:
        """The assertion itself keeps nothing: a variable deleted after it frees its object."""
        thing = Thing()
        self.assertCollected(thing)
        ref = weakref.ref(thing)
        del thing
        self.assertIsNone(ref())

    def test_locals_that_the_program_asked_for(self) -> None:
        """A dict of its locals that a function asked for is left as it is."""
        thing = Thing()
        mine = locals()
        self.assertCollected(self.complaint and thing)
        self.assertIs(mine["thing"], thing)


class HeldTests(CollectedCase):
    """Everybody else is a holder, and is named."""

    def test_module(self) -> None:
        """A list in a module is named by module and variable."""
        thing = Thing()
        REGISTRY.append(thing)
        said = self.complaint(thing)
        self.assertEqual(
            said.splitlines(),
            [
                f"{__name__}.Thing is still held, by module {__name__}.REGISTRY:",
                f"    module {__name__}",
                "      .REGISTRY -> list",
                f"      [*] -> {__name__}.Thing",
                f"    cut: module {__name__}.REGISTRY",
            ],
        )

    def test_class(self) -> None:
        """A class attribute is named by class and attribute."""
        thing = Thing()
        Thing.kept.append(thing)
        self.assertIn(f"cut: class {__name__}.Thing.kept", self.complaint(thing))

    def test_object_in_the_tests_hands(self) -> None:
        """What a local variable or an attribute of the test holds in an object is a holder."""
        thing, factory = Thing(), Thing()
        factory.clients = {thing}  # type: ignore[attr-defined]
        said = self.complaint(thing)
        self.assertIn("local variable 'factory' of test_object_in_the_tests_hands", said)
        self.assertIn(f"cut: {__name__}.Thing.clients", said)
        self.factory = factory
        del factory
        said = self.complaint(thing)
        self.assertIn("    the test case\n      .factory -> ", said)
        self.assertIn(f"cut: {__name__}.Thing.clients", said)

    def test_shared_container(self) -> None:
        """A holder's list counts though the test has it in a variable, too."""
        thing, factory = Thing(), Thing()
        clients = factory.clients = [thing]  # type: ignore[attr-defined]
        self.assertIn(".clients", self.complaint(thing))
        clients.clear()
        self.assertCollected(thing)

    def test_closure(self) -> None:
        """A closure is named by its function and the variable."""
        thing = Thing()

        def make(captured: Thing) -> Callable[[], Thing]:
            return lambda: captured

        REGISTRY.append(make(thing))
        self.assertIn("closure variable 'captured' of function HeldTests.", self.complaint(thing))

    def test_bound_method(self) -> None:
        """Of a method in a list, the list is the edge to cut, not the method."""
        thing = succeed(1)
        REGISTRY.append(partial(thing.addBoth, 1))
        self.assertIn("cut: module tests.unit.test_assertions.REGISTRY", self.complaint(thing))

    def test_slot(self) -> None:
        """A slot is named like an attribute."""
        thing, holder = Thing(), Slotted()
        holder.held = thing
        REGISTRY.append(holder)
        self.assertIn(f"cut: {__name__}.Slotted.held", self.complaint(thing))

    def test_generator(self) -> None:
        """A suspended generator that is not the test's is a holder, by its local variable."""
        thing = Thing()

        def serve(peer: Thing) -> Any:
            yield peer

        REGISTRY.append(serve(thing))
        next(REGISTRY[0])
        self.assertIn("local variable 'peer' of generator serve", self.complaint(thing))

    def test_frame_of_an_error(self) -> None:
        """The traceback of a kept error holds what was in its frames."""
        thing = Thing()

        def fail(given: Thing) -> None:
            raise ValueError

        try:
            fail(thing)
        except ValueError as error:
            REGISTRY.append(error)
        self.assertIn("local variable 'given' of frame of fail", self.complaint(thing))
        REGISTRY.clear()
        self.assertCollected(thing)

    def test_other_thread(self) -> None:
        """A local variable of another thread is a holder."""
        thing, begun, end = Thing(), threading.Event(), threading.Event()

        def work(mine: Thing) -> None:
            begun.set()
            end.wait(10)

        thread = threading.Thread(target=work, args=(thing,))
        thread.start()
        self.assertTrue(begun.wait(10))
        try:
            said = self.complaint(thing)
        finally:
            end.set()
            thread.join(10)
        self.assertIn("of another thread", said)

    def test_many_holders(self) -> None:
        """A holder behind more objects than are asked for one by one is found all the same."""
        thing = Thing()
        parts = [Thing() for _ in range(100)]
        for part in parts:
            part.thing = thing  # type: ignore[attr-defined]
        REGISTRY.append(parts.pop())
        del parts, part
        self.assertIn("REGISTRY", self.complaint(thing))

    def test_reference(self) -> None:
        """A weak reference or weak method to a held object fails like the object."""
        thing = succeed(1)
        REGISTRY.append(thing)
        for ref in (weakref.ref(thing), weakref.WeakMethod(thing.addBoth)):
            self.assertIn("REGISTRY", self.complaint(ref))

    def test_names_only(self) -> None:
        """Keys of a dict are data: they are not shown."""
        thing = Thing()
        REGISTRY.append({"s3cret": thing})
        said = self.complaint(thing)
        self.assertNotIn("s3cret", said)
        self.assertIn("[*] -> dict", said)

    def test_no_object(self) -> None:
        """A proxy and None are refused: they say nothing about an object."""
        thing = Thing()
        self.assertRaises(TypeError, self.assertCollected, weakref.proxy(thing))
        self.assertRaises(TypeError, self.assertCollected, None)

    def test_proxies_on_the_way(self) -> None:
        """A dead proxy among what is looked at stops nothing."""
        thing = Thing()
        proxy = weakref.proxy(Thing())
        REGISTRY.append((proxy, thing))
        self.assertIn("REGISTRY", self.complaint(thing))


class ReadLocalsTests(SynchronousTestCase):
    """Local variables are read without a trace."""

    def test_suspended_generator(self) -> None:
        """A generator whose variables were read frees them as before."""

        def generator(value: Any) -> Any:
            yield
            del value
            yield

        thing = Thing()
        ref = weakref.ref(thing)
        suspended = generator(thing)
        del thing
        next(suspended)
        self.assertEqual(list(read_locals(suspended.gi_frame)), ["value"])
        next(suspended)
        self.assertIsNone(ref())


class AsyncTests(LeakAssertionsMixin, TestCase):
    """The same in tests that wait."""

    def setUp(self) -> None:
        """Wait on a clock: the reactor is nobody's business here."""
        self.clock = Clock()
        self.addCleanup(REGISTRY.clear)

    def deliver(self, thing: Any) -> Deferred[Any]:
        """A Deferred that fires with a thing a second later."""
        fired: Deferred[Any] = Deferred()
        self.clock.callLater(1, fired.callback, thing)
        return fired

    def drive(self, test: Deferred[Any]) -> None:
        """Let a second pass, and the test go on."""
        self.clock.advance(1)
        self.successResultOf(test)

    def test_inline_callbacks(self) -> None:
        """The generator of a test, and what just brought it its value, do not count."""

        @inlineCallbacks
        def test(self: AsyncTests) -> Any:
            connecting = self.deliver(Thing())
            thing = yield connecting
            self.assertCollected(thing)
            REGISTRY.append(thing)
            self.assertRaises(self.failureException, self.assertCollected, thing)

        self.drive(test(self))

    def test_coroutine(self) -> None:
        """The coroutine of a test, and what just brought it its value, do not count."""

        async def test(self: AsyncTests) -> None:
            connecting = self.deliver(Thing())
            thing = await connecting
            self.assertCollected(thing)
            REGISTRY.append(thing)
            self.assertRaises(self.failureException, self.assertCollected, thing)

        self.drive(Deferred.fromCoroutine(test(self)))

    def test_suspended_test(self) -> None:
        """A generator of the test that waits for the one that asserts does not count."""

        @inlineCallbacks
        def inner(self: AsyncTests, ref: Any) -> Any:
            yield self.deliver(None)
            self.assertCollected(ref)
            self.assertCollected(ref())

        @inlineCallbacks
        def test(self: AsyncTests) -> Any:
            thing = Thing()
            yield inner(self, weakref.ref(thing))

        self.drive(test(self))

    @inlineCallbacks
    def test_as_trial_runs_it(self) -> Any:
        """A generator that trial drives is a test like others."""
        thing = yield succeed(Thing())
        self.assertCollected(thing)

    async def test_coroutine_as_trial_runs_it(self) -> None:
        """A coroutine that trial drives is a test like others."""
        thing = await succeed(Thing())
        self.assertCollected(thing)
        REGISTRY.append(thing)
        self.assertRaises(self.failureException, self.assertCollected, thing)


def leave_cycle(count: int = 3) -> str:
    """Leave things to the collector."""
    for _ in range(count):
        thing = Thing()
        thing.me = thing  # type: ignore[attr-defined]
    return "done"


class CycleTests(LeakAssertionsMixin, SynchronousTestCase):
    """What only the cyclic collector frees is counted."""

    def setUp(self) -> None:
        """Nothing that happens here may change the collector."""
        # What is older is not looked at: this makes each collection short.
        gc.freeze()
        self.addCleanup(gc.unfreeze)
        enabled, flags, garbage = gc.isenabled(), gc.get_debug(), len(gc.garbage)
        self.addCleanup(
            lambda: self.assertEqual(
                (gc.isenabled(), gc.get_debug(), len(gc.garbage)), (enabled, flags, garbage)
            )
        )

    def test_clean(self) -> None:
        """A call that leaves nothing returns what it returned."""
        self.assertEqual(self.assertNoCycles(max, 1, 2, key=lambda n: -n), 1)

    def test_cycles(self) -> None:
        """A call that leaves something fails with the number, in all and by type."""
        error = self.assertRaises(self.failureException, self.assertNoCycles, leave_cycle, 3)
        first, *rest = str(error).splitlines()
        self.assertRegex(first, r"^the call left (3|6) objects to the cyclic collector:$")
        self.assertIn(f"    3 {__name__}.Thing", rest)

    def test_it_is_freed(self) -> None:
        """What was found is freed when the assertion ends."""
        refs: list[Any] = []

        def leave() -> None:
            thing = Thing()
            thing.me = thing  # type: ignore[attr-defined]
            refs.append(weakref.ref(thing))

        self.assertRaises(self.failureException, self.assertNoCycles, leave)
        self.assertEqual([ref() for ref in refs], [None, None])

    def test_garbage_of_before(self) -> None:
        """Garbage from before the call is not the call's."""
        leave_cycle()
        self.assertNoCycles(int)

    def test_first_call(self) -> None:
        """What only a first call leaves behind is not held against the function."""
        calls: list[int] = []

        def once() -> None:
            calls.append(1)
            if len(calls) == 1:
                leave_cycle()

        self.assertNoCycles(once)
        self.assertEqual(len(calls), 2)

    def test_collector_off(self) -> None:
        """The collector is off during the counted call alone, and stays off if it was."""
        seen: list[bool] = []
        self.assertNoCycles(lambda: seen.append(gc.isenabled()))
        self.assertEqual(seen, [gc.isenabled(), False])
        if gc.isenabled():
            self.addCleanup(gc.enable)
        gc.disable()
        self.assertNoCycles(int)
        self.assertFalse(gc.isenabled())

    def test_error(self) -> None:
        """An error of the function comes through, whichever call raises it."""
        for outcomes in ([ZeroDivisionError()], [None, ZeroDivisionError()]):

            def call(left: list[Any] = outcomes) -> None:
                error = left.pop(0)
                if error:
                    raise error

            self.assertRaises(ZeroDivisionError, self.assertNoCycles, call)

    def test_deferred(self) -> None:
        """Of a Deferred the count is made when it has fired; its result comes through."""
        waiting: list[Deferred[str]] = []

        def begin() -> Deferred[str]:
            waiting.append(Deferred())
            return waiting[-1]

        checked = self.assertNoCycles(begin)
        waiting.pop().callback("first")
        self.assertNoResult(checked)
        self.assertFalse(gc.isenabled())
        waiting.pop().callback("second")
        self.assertEqual(self.successResultOf(checked), "second")

    def test_deferred_cycles(self) -> None:
        """What is left when a Deferred has fired fails the one that was returned."""
        checked = self.assertNoCycles(lambda: succeed(None).addCallback(lambda _: leave_cycle()))
        failure = self.failureResultOf(checked, self.failureException)
        self.assertIn("cyclic collector", failure.getErrorMessage())

    def test_deferred_error(self) -> None:
        """A Deferred that fails lets its own error through."""
        outcomes: list[Any] = [None, Failure(ZeroDivisionError())]
        checked = self.assertNoCycles(lambda: succeed(None).addCallback(lambda _: outcomes.pop(0)))
        self.failureResultOf(checked, ZeroDivisionError)

    def test_coroutine(self) -> None:
        """A coroutine is driven, and its result comes through."""

        async def work() -> int:
            return await succeed(7)

        self.assertEqual(self.successResultOf(self.assertNoCycles(work)), 7)

    def test_cancel(self) -> None:
        """To cancel cancels what is under way."""
        cancelled: list[Any] = []
        outcomes: list[Any] = [succeed(None), Deferred(cancelled.append)]
        checked = self.assertNoCycles(lambda: outcomes.pop(0))
        checked.cancel()
        self.assertEqual(len(cancelled), 1)
        checked.addErrback(lambda _: None)


class ScopeTests(LeakAssertionsMixin, SynchronousTestCase):
    """What is open in the tree is printed."""

    def test_scope(self) -> None:
        """A scope passes once it is closed; before, its tree is the text."""
        clock = Clock()
        scope = Scope(clock, "upload")
        scope.child("part")
        error = self.assertRaises(self.failureException, self.assertAllClosed, scope)
        first, *rest = str(error).splitlines()
        self.assertEqual(first, "scope upload is not all closed:")
        self.assertTrue(rest[0].startswith("    scope upload  open"), rest)
        self.assertTrue(rest[1].startswith("      scope part  open"), rest)
        self.successResultOf(scope.close())
        self.assertIsNone(self.assertAllClosed(scope))  # type: ignore[func-returns-value]

    def test_empty_scope(self) -> None:
        """A scope that owns nothing and is open is open."""
        scope = Scope(Clock(), "idle")
        self.assertRaises(self.failureException, self.assertAllClosed, scope)
        scope.abort()
        self.assertAllClosed(scope)

    def test_reactor(self) -> None:
        """A reactor passes while its root owns nothing, and so does the root scope."""
        clock = Clock()
        self.assertAllClosed(clock)
        scope = Scope(clock, "upload")
        for thing in (clock, root_scope(clock)):
            error = self.assertRaises(self.failureException, self.assertAllClosed, thing)
            self.assertIn("scope upload", str(error))
        scope.abort()
        self.assertAllClosed(clock)
        self.assertAllClosed(root_scope(clock))

    def test_neither(self) -> None:
        """What is neither a scope nor a reactor is refused."""
        error = self.assertRaises(TypeError, self.assertAllClosed, Thing())
        self.assertIn("not tests.unit.test_assertions.Thing", str(error))


class ManagedFactory(ManagedFactoryMixin, Factory):
    """A factory that knows its connections."""

    protocol = Protocol


class AbortableTransport(StringTransport):
    """A transport in memory."""

    def getPeer(self) -> str:
        """Nobody in particular."""
        return "secret-peer"


class ConnectionTests(LeakAssertionsMixin, SynchronousTestCase):
    """Connections that are open are listed."""

    def test_connections(self) -> None:
        """A factory passes while it has no connection; each open one is a line, without its peer."""
        factory = ManagedFactory()
        factory.reactor = MemoryReactorClock()
        self.assertIsNone(self.assertConnectionsClosed(factory))  # type: ignore[func-returns-value]
        protocol: Any = factory.buildProtocol(None)
        transport = AbortableTransport()
        protocol.makeConnection(transport)
        error = self.assertRaises(self.failureException, self.assertConnectionsClosed, factory)
        self.assertEqual(
            str(error).splitlines(),
            [
                f"{__name__}.ManagedFactory has 1 open connection:",
                "    twisted.internet.protocol.Protocol  open, 0.0 s",
            ],
        )
        root_scope(factory.reactor).abort()

    def test_foreign_factory(self) -> None:
        """A factory that does not know its connections is refused."""
        self.assertRaises(TypeError, self.assertConnectionsClosed, Factory())  # type: ignore[arg-type]
