"""Methods of a class that are hooked once, wherever they come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txresource.hooks import hook_method


class Base:
    """A class as Twisted has them."""

    def greet(self, *names: str, end: str = "!") -> str:
        """Greet."""
        return " ".join(names) + end


def around(self: Any, original: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Note the call and pass it on."""
    self.calls = [*getattr(self, "calls", []), args]
    return original(*args)


class Mixin:
    """A mixin that hooks every class it is mixed into."""

    def __init_subclass__(cls) -> None:
        hook_method(cls, "greet", around)
        hook_method(cls, "absent", around)


class HookTests(SynchronousTestCase):
    """In either order of bases, with and without a call up."""

    def test_either_order(self) -> None:
        """A hook holds whether the mixin comes before or after the class that has the method."""
        first = type("First", (Mixin, Base), {})()
        last: Any = type("Last", (Base, Mixin), {})()
        for thing in (first, last):
            self.assertEqual(thing.greet("a", "b", end="?"), "a b?")
            self.assertEqual(thing.calls, [("a", "b")])

    def test_override_without_call_up(self) -> None:
        """An override that does not call up is hooked, too."""
        cls = type("Rude", (Mixin, Base), {"greet": lambda self: "no"})
        thing: Any = cls()
        self.assertEqual(thing.greet(), "no")
        self.assertEqual(thing.calls, [()])

    def test_override_that_calls_up(self) -> None:
        """An override of a hooked class is hooked again; both calls are seen."""

        class Polite(Mixin, Base):
            pass

        class Louder(Polite):
            def greet(self, *names: str, end: str = "!") -> str:
                return super().greet(*names, end=end).upper()

        thing: Any = Louder()
        self.assertEqual(thing.greet("a"), "A!")
        self.assertEqual(thing.calls, [("a",), ("a",)])

    def test_once_a_class(self) -> None:
        """A subclass that overrides nothing is not hooked once more."""

        class Polite(Mixin, Base):
            pass

        class Quiet(Polite):
            pass

        self.assertNotIn("greet", vars(Quiet))
        thing: Any = Quiet()
        thing.greet("a")
        self.assertEqual(thing.calls, [("a",)])

    def test_missing_method(self) -> None:
        """A method that the class does not have is not made up, and the base is left alone."""
        cls = type("First", (Mixin, Base), {})
        self.assertFalse(hasattr(cls, "absent"))
        self.assertEqual(Base().greet("a"), "a!")
        self.assertFalse(hasattr(Base.greet, "_txresource_hook"))

    def test_keeps_the_name(self) -> None:
        """A hooked method keeps name and documentation."""
        cls: Any = type("First", (Mixin, Base), {})
        self.assertEqual((cls.greet.__name__, cls.greet.__doc__), ("greet", "Greet."))
