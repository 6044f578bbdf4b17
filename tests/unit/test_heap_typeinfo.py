"""Names and sizes of types, read without running their code."""

from __future__ import annotations

import collections
import os
import struct
import subprocess
import sys
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txresource.heap.typeinfo import (
    class_items,
    is_heap_type,
    name_of,
    own_bases,
    own_mro,
    sizer,
    total_size,
)


class Ran(BaseException):
    """Some code of a type was run."""


class Hostile(type):
    """A metaclass that raises whatever it is asked."""

    def __getattribute__(cls, name: str) -> Any:
        raise Ran(name)

    def __hash__(cls) -> int:
        raise Ran("hash")

    def __eq__(cls, other: object) -> bool:
        raise Ran("eq")

    def mro(cls) -> list[type]:
        return list(type.mro(cls))


class Victim(metaclass=Hostile):
    """A class whose instances lie and raise, too."""

    __class__ = property(lambda self: 1 / 0)  # type: ignore[assignment]

    def __sizeof__(self) -> int:
        raise Ran("sizeof")


class Text(str):
    """A string with a will of its own."""

    def __str__(self) -> str:
        raise Ran("str")

    def __eq__(self, other: object) -> bool:
        raise Ran("eq")

    __hash__ = str.__hash__


class Outer:
    class Inner:
        pass


class NameTests(SynchronousTestCase):
    """What a type is called."""

    def test_plain(self) -> None:
        """A class is named by its module and its qualified name."""
        self.assertEqual(name_of(Outer.Inner), f"{__name__}.Outer.Inner")

    def test_builtins(self) -> None:
        """Builtin types go by their bare names, types of C modules by module and name."""
        self.assertEqual(name_of(dict), "dict")
        self.assertEqual(name_of(collections.OrderedDict), "collections.OrderedDict")

    def test_hostile_metaclass(self) -> None:
        """A metaclass that raises at every question is not asked."""
        self.assertEqual(name_of(Victim), f"{__name__}.Victim")
        self.assertTrue(is_heap_type(Victim))
        self.assertTrue(own_mro(Victim)[-1] is object)

    def test_never_ready(self) -> None:
        """
        A type that C has never made ready has no bases, and is not asked for them: CPython 3.11
        crashes then. Newer ones have no such type to show.
        """
        code = (
            "import _testcapi\n"
            "from txresource.heap.typeinfo import own_bases\n"
            "never_ready = vars(_testcapi).get('_test_structmembersType')\n"
            "print(own_bases(never_ready) if type(never_ready) is type else ())"
        )
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
        self.assertEqual((out.returncode, out.stdout), (0, "()\n"), out.stderr)
        self.assertEqual(own_bases(bool), (int,))

    def test_name_that_is_no_text(self) -> None:
        """A ``__module__`` that is no text is shown as a question mark."""
        odd = type("Odd", (), {"__module__": 7})
        self.assertEqual(name_of(odd), "?.Odd")
        scope: dict[str, Any] = {"type": type, "__name__": 7}
        exec("made = type('Made', (), {})", scope)
        self.assertEqual(name_of(scope["made"]), "?.Made")

    def test_text_with_a_will(self) -> None:
        """A name that is of a subclass of ``str`` is read without its methods."""
        odd = type("Odd", (), {"__module__": Text("mine")})
        odd.__qualname__ = Text("Name")
        self.assertEqual(name_of(odd), "mine.Name")

    def test_key_with_a_will(self) -> None:
        """A key of a class dictionary that pretends to be a string is never compared."""
        mangled = type("Odd", (), {Text("__sizeof__"): None})
        self.assertNotIn("__sizeof__", [name for name, _ in class_items(mangled)])
        self.assertIs(sizer(mangled), object.__sizeof__)

    def test_unprintable_name(self) -> None:
        """A name that holds a line's end, or no character, is shown by its escapes."""
        odd = type("Odd", (), {"__module__": "a\nb"})
        odd.__qualname__ = "\ud800"
        self.assertEqual(name_of(odd), r"a\nb.\ud800")

    def test_endless_name(self) -> None:
        """A name of a megabyte is cut."""
        self.assertLessEqual(len(name_of(type("x" * 2**20, (), {}))), 200)


class SizeTests(SynchronousTestCase):
    """How many bytes objects take."""

    def assertSizes(self, *things: Any) -> None:
        """Each thing's size is what the interpreter says."""
        for thing in things:
            self.assertEqual(total_size(type(thing), [thing]), sys.getsizeof(thing), repr(thing))

    def test_like_getsizeof(self) -> None:
        """For objects without code of their own the size is that of ``sys.getsizeof``."""
        self.assertSizes(1, 10**50, 1.5, "é", "x" * 1000, b"12", (1, 2), [1] * 9, {1: 2}, {1, 2})
        self.assertSizes(
            None, range(3), Outer(), object(), len, SynchronousTestCase.run, memoryview(b"")
        )
        self.assertSizes(
            collections.deque(range(1000)), bytearray(99), collections.OrderedDict(a=1)
        )

    def test_subclasses_of_builtins(self) -> None:
        """An instance of a class over a builtin type counts what the builtin part holds."""
        kind = type("Kind", (list,), {})
        self.assertSizes(kind(range(1000)))

    def test_several(self) -> None:
        """The size of several objects is the sum of theirs."""
        texts = ["a", "bb", "ccc"]
        self.assertEqual(total_size(str, texts), sum(map(sys.getsizeof, texts)))
        self.assertEqual(total_size(float, [1.5, 2.5]), 2 * sys.getsizeof(1.5))

    def test_hostile_sizeof(self) -> None:
        """A ``__sizeof__`` written in Python is not called."""
        self.assertGreater(total_size(Victim, [object.__new__(Victim)]), 0)

    def test_borrowed_sizeof(self) -> None:
        """A class that borrows the ``__sizeof__`` of another type is measured by its base."""
        borrower = type("Borrower", (), {"__sizeof__": list.__sizeof__})
        self.assertEqual(total_size(borrower, [borrower()]), total_size(Outer, [Outer()]))

    def test_crashing_sizeof(self) -> None:
        """A ``Struct`` whose ``__init__`` never ran, which crashes its ``__sizeof__``, is survived."""
        self.assertGreater(total_size(struct.Struct, [struct.Struct.__new__(struct.Struct)]), 0)
