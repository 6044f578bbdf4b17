"""Every public class is freed by reference counts alone, after its use and its end."""

from __future__ import annotations

import dataclasses
import enum
import gc
import sys
import weakref
from collections.abc import Iterable, Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.interface import InterfaceClass

import txresource
from tests.unit.freed_lives import LIVES
from tests.unit.freed_programs import Thing
from txresource.closers.goodbye import DrainPolicy
from txresource.registry import BaseCloser
from txresource.tap import Options

#: What Twisted keeps in a cycle by itself: a test shows that without us it does.
TWISTED_CYCLES = {Options: usage.Options}


def excluded(cls: type) -> str | None:
    """Why a class needs no such test; ``None``: it needs one."""
    if cls in TWISTED_CYCLES:
        return "what it is made from is never freed without the collector"
    if isinstance(cls, InterfaceClass):
        return "an interface has no instances"
    if issubclass(cls, BaseException):
        return "an error lives as long as who handles it wants"
    if dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return "frozen data is not used up, and ends with its last reader"
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return "a named tuple is data, too"
    if issubclass(cls, enum.Enum):
        return "its members live as long as their module"
    if issubclass(cls, BaseCloser | DrainPolicy) and cls.__init__ is object.__init__:
        return "there is one for the life of the process, in a registry, and it holds nothing"
    return None


def public_classes() -> set[type]:
    """The classes in the ``__all__`` of every module."""
    modules = walk_packages(txresource.__path__, "txresource.")
    homes = [import_module(m.name) for m in modules if not m.name.endswith("__main__")]
    found = [getattr(home, name) for home in homes for name in home.__all__]
    # By the type of it: until 3.11 a generic alias, such as list[int], passes for a class.
    return {each for each in found if issubclass(type(each), type | InterfaceClass)}


def flat(things: Iterable[Any]) -> Iterator[Any]:
    """The things in lists of lists, each once."""
    seen: set[int] = set()
    for thing in things:
        for each in flat(thing) if isinstance(thing, list) else (thing,):
            if id(each) not in seen:
                seen.add(id(each))
                yield each


def still_held(things: list[Any]) -> list[str]:
    """Let go of things; the types of those that somebody else holds."""
    names = [type(thing).__qualname__ for thing in things]
    refs = [weakref.ref(thing) if has_weakrefs(thing) else None for thing in things]
    alone = sys.getrefcount([object()][0]) + 1
    # Those without weak references are watched by counts: each is let go of when only this list
    # holds it, and with it what it holds alone.
    slotted = [thing for thing in things if not has_weakrefs(thing)]
    things.clear()
    free = [0]
    while free:
        free = [i for i in range(len(slotted)) if sys.getrefcount(slotted[i]) == alone]
        for i in reversed(free):
            del slotted[i]
    held = [
        name for name, ref in zip(names, refs, strict=True) if ref is not None and ref() is not None
    ]
    return held + [type(thing).__qualname__ for thing in slotted]


def has_weakrefs(thing: Any) -> bool:
    """Whether there can be weak references to a thing."""
    return bool(type(thing).__weakrefoffset__)


class Slotted:
    """Has no weak references."""

    __slots__ = ("other",)


class FreedTests(SynchronousTestCase):
    """Each class, after its use and its end, with the collector off."""

    def setUp(self) -> None:
        gc.disable()
        self.addCleanup(gc.enable)

    def test_every_class(self) -> None:
        """What was used and has ended is freed without the collector; no public class is left out."""
        tested: set[type] = set()
        for each in LIVES:
            things = list(flat(each(self)))
            gc.disable()
            tested |= {cls for thing in things for cls in type(thing).__mro__}
            self.assertEqual(still_held(things), [], each.__name__)
        untested = {cls for cls in public_classes() if excluded(cls) is None} - tested
        self.assertEqual(untested, set())

    def test_plain_cycles(self) -> None:
        """Plain: what is left out for a cycle of Twisted's is not freed without us either."""
        for cls, plain in TWISTED_CYCLES.items():
            self.assertTrue(issubclass(cls, plain))
            self.assertEqual(still_held([plain()]), [plain.__qualname__])

    def test_cycle_is_seen(self) -> None:
        """A thing in a cycle counts as held, with weak references and without; one alone does not."""
        for cls in (Thing, Slotted):
            alone, ring = cls(), cls()
            ring.other = [ring]  # type: ignore[union-attr]
            things = [alone, ring]
            del alone, ring
            self.assertEqual(still_held(things), [cls.__qualname__])
