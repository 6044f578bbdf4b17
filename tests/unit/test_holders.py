"""What assertCollected lets pass, what it does not, and whom it names."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.unit.collector import hide_what_is_older
from txresource.testing import LeakAssertionsMixin

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
        hide_what_is_older(self)  # a test whose holders are older shows them again
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
        gc.unfreeze()
        thing, holder = Thing(), Thing()
        holder.inner = thing  # type: ignore[attr-defined]
        self.addCleanup(setattr, holder, "closed", True)
        del holder
        self.assertCollected(thing)

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

    def test_garbage(self) -> None:
        """What only garbage holds passes: an object, and what would live on, a class or a module."""
        for make in (Thing, lambda: type("Ring", (), {}), lambda: ModuleType("ring")):
            ring: Any = make()
            ring.me = ring
            ring.thing = thing = Thing()
            del ring
            self.assertCollected(thing)

    def test_what_is_collected(self) -> None:
        """Garbage is left where it makes no difference: a collection takes longer than a search."""
        gc.unfreeze()
        seen: list[str] = []
        gc.disable()
        self.addCleanup(gc.enable)
        self.addCleanup(gc.callbacks.remove, seen_to := lambda phase, _: seen.append(phase))
        gc.callbacks.append(seen_to)
        thing, holder = [Thing()], Thing()
        self.assertCollected(thing[0])
        REGISTRY.append(thing[0])
        self.complaint(thing[0])
        self.complaint(weakref.ref(thing[0]))
        self.assertEqual(seen, [])
        REGISTRY.clear()
        holder.thing = thing[0]  # type: ignore[attr-defined]
        holder.me = holder  # type: ignore[attr-defined]
        del holder
        self.assertCollected(thing[0])
        self.assertEqual(seen, ["start", "stop"])

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
        gc.unfreeze()
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
        gc.unfreeze()
        thing = Thing()
        Thing.kept.append(thing)
        self.assertIn(f"cut: class {__name__}.Thing.kept", self.complaint(thing))

    def test_object_in_the_tests_hands(self) -> None:
        """What a local variable or an attribute of the test holds in an object is a holder."""
        gc.unfreeze()
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
        gc.unfreeze()
        thing = Thing()

        def make(captured: Thing) -> Callable[[], Thing]:
            return lambda: captured

        REGISTRY.append(make(thing))
        self.assertIn("closure variable 'captured' of function HeldTests.", self.complaint(thing))

    def test_bound_method(self) -> None:
        """Of a method in a list, the list is the edge to cut, not the method."""
        gc.unfreeze()
        thing = succeed(1)
        REGISTRY.append(partial(thing.addBoth, 1))
        self.assertIn("cut: module tests.unit.test_holders.REGISTRY", self.complaint(thing))

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
        """A holder behind more objects than are looked for one by one is found all the same."""
        gc.unfreeze()
        thing = Thing()
        parts = [Thing() for _ in range(300)]
        for part in parts:
            part.thing = thing  # type: ignore[attr-defined]
        REGISTRY.append(parts.pop())
        del parts, part
        self.assertIn("REGISTRY", self.complaint(thing))

    def test_reference(self) -> None:
        """A weak reference or weak method to a held object fails like the object."""
        gc.unfreeze()
        thing = succeed(1)
        REGISTRY.append(thing)
        for ref in (weakref.ref(thing), weakref.WeakMethod(thing.addBoth)):
            self.assertIn("REGISTRY", self.complaint(ref))

    def test_names_only(self) -> None:
        """Keys of a dict are data: they are not shown."""
        gc.unfreeze()
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
        gc.unfreeze()
        thing = Thing()
        proxy = weakref.proxy(Thing())
        REGISTRY.append((proxy, thing))
        self.assertIn("REGISTRY", self.complaint(thing))


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
