"""Weak callbacks: what they are equal to, what they are called, what is refused."""

from __future__ import annotations

import copy
import functools
import inspect
from collections import namedtuple
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

import txresource.weak
from tests.unit.weak_case import CollectorOffMixin, Hostile, Owner
from txresource.weak import weakly, when_collected


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
        kind = type(weakly(owner.note))
        self.assertEqual(kind.__module__, "txresource.weak")
        self.assertEqual(vars(kind)["__module__"].__get__(None, kind), "txresource.weak")

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
        self.assertIn("not None", said)
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
        self.assertIn("if_collected takes a callable of one argument, not 5", said)

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
