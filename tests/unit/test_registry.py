"""Which closer is found for which thing."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface, implementer

from txresource import registry
from txresource.interfaces import ICloseable, ICloser
from txresource.registry import BaseCloser, CallableCloser, find_closer, register_closer
from txresource.scope import Scope


class IHandle(Interface):
    """An interface of the test's own."""


class IFineHandle(IHandle):
    """A narrower one."""


@implementer(IFineHandle)
class Handle:
    """A thing that provides it."""


class FineHandle(Handle):
    """A subclass of it."""


@implementer(ICloseable)
class Closeable:
    """A thing that closes itself."""

    def __init__(self, gone: Any = None) -> None:
        self.calls: list[str] = []
        self.gone = gone

    def close(self) -> Any:
        """Close."""
        self.calls.append("close")
        return self.gone

    def abort(self) -> None:
        """Abort."""
        self.calls.append("abort")


class RegistryTests(SynchronousTestCase):
    """By class and interface, never by the names of methods."""

    def setUp(self) -> None:
        """What a test registers is gone after it."""
        for table in (registry._by_class, registry._by_interface):
            self.addCleanup(table.update, dict(table))  # type: ignore[attr-defined]
            self.addCleanup(table.clear)

    def test_class(self) -> None:
        """A class goes for its subclasses, and a subclass before its base."""
        base, fine = BaseCloser(), BaseCloser()
        register_closer(Handle, base)
        self.assertIs(find_closer(FineHandle()), base)
        register_closer(FineHandle, fine)
        self.assertIs(find_closer(FineHandle()), fine)
        self.assertIs(find_closer(Handle()), base)

    def test_interface(self) -> None:
        """An interface goes for what provides it or one that extends it; the narrowest wins."""
        base, fine = BaseCloser(), BaseCloser()
        register_closer(IHandle, base)
        self.assertIs(find_closer(Handle()), base)
        register_closer(IFineHandle, fine)
        self.assertIs(find_closer(Handle()), fine)

    def test_class_before_interface(self) -> None:
        """A class goes before an interface."""
        by_class, by_interface = BaseCloser(), BaseCloser()
        register_closer(IFineHandle, by_interface)
        register_closer(Handle, by_class)
        self.assertIs(find_closer(Handle()), by_class)

    def test_replaced(self) -> None:
        """A later registration replaces an earlier one."""
        first, second = BaseCloser(), BaseCloser()
        register_closer(Handle, first)
        register_closer(Handle, second)
        self.assertIs(find_closer(Handle()), second)

    def test_name(self) -> None:
        """A class may be named before anybody imports it; it goes as if it had been given."""
        by_base, by_name = BaseCloser(), BaseCloser()
        register_closer(Handle, by_base)
        register_closer(f"{__name__}.FineHandle", by_name)
        self.assertIs(find_closer(FineHandle()), by_name)
        self.assertIs(find_closer(type("Finer", (FineHandle,), {})()), by_name)
        self.assertIs(find_closer(Handle()), by_base)

    def test_class_before_name(self) -> None:
        """A class goes before its own name."""
        by_class, by_name = BaseCloser(), BaseCloser()
        register_closer(Handle, by_class)
        register_closer(f"{__name__}.Handle", by_name)
        self.assertIs(find_closer(FineHandle()), by_class)

    def test_no_guess(self) -> None:
        """A thing with a close method that nobody registered is refused, with the remedy."""

        class Guess:
            def close(self) -> None: ...

        error = self.assertRaises(TypeError, find_closer, Guess())
        for word in ("Guess", "close=", "register_closer()"):
            self.assertIn(word, str(error))

    def test_bad_key(self) -> None:
        """What is neither a class nor an interface cannot be registered."""
        error = self.assertRaises(TypeError, register_closer, "Handle", BaseCloser())
        self.assertIn("neither a class nor a zope interface", str(error))

    def test_base_closer_is_complete(self) -> None:
        """The base class of closers has all that their interface asks for."""
        self.assertEqual([name for name in ICloser if not hasattr(BaseCloser, name)], [])


class CloserTests(SynchronousTestCase):
    """The closers that the registry brings along."""

    def setUp(self) -> None:
        """A scope on a clock."""
        self.clock = Clock()
        self.scope = Scope(self.clock, "test")
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def test_closeable(self) -> None:
        """What provides ICloseable is closed by its close, or by its abort."""
        thing = self.scope.own(Closeable())
        self.successResultOf(self.scope.close())
        self.assertEqual(thing.calls, ["close"])
        other = Scope(self.clock, "other")
        thing = other.own(Closeable(Deferred()))
        other.abort()
        self.assertEqual(thing.calls[-1], "abort")
        self.assertEqual(other.state, "closed")

    def test_callable(self) -> None:
        """A close= that returns a plain value is done when it returns."""
        calls: list[str] = []
        self.scope.own(object(), close=lambda: calls.append("closed"))
        self.successResultOf(self.scope.close())
        self.assertEqual(calls, ["closed"])

    def test_callable_that_waits(self) -> None:
        """A close= that returns a Deferred or a coroutine is waited for."""
        gates: list[Deferred[Any]] = [Deferred(), Deferred()]

        async def slowly() -> None:
            await gates[1]

        for close in (lambda: gates[0], slowly):
            result = CallableCloser(close).close(None)  # type: ignore[arg-type]
            self.assertNoResult(result)
            gates[0].callback(None) if not gates[0].called else gates[1].callback(None)
            self.successResultOf(result)
        self.scope.abort()
