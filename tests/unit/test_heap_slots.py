"""Where attributes are kept, and which types keep nothing else."""

from __future__ import annotations

import functools
import threading
from asyncio import Future
from collections import OrderedDict, defaultdict, deque
from decimal import Decimal
from io import StringIO
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.heap_graphs import refuse
from txresource.heap.slots import attribute_getter, is_all_named, is_thread_local, named_slots


class Plain:
    """Has attributes."""


class Slotted:
    __slots__ = ("one",)


class Weak(Slotted):
    __slots__ = ("__weakref__",)


class Both(Slotted):
    __slots__ = ("__dict__", "two")


class Own:
    __dict__ = property(refuse)  # type: ignore[assignment]


def derived(*bases: Any) -> Any:
    """A class made from others."""
    return type("Derived", bases, {})


class NamedTests(SynchronousTestCase):
    """Which objects hold something that no attribute shows."""

    def test_all_named(self) -> None:
        """What consists of attributes and slots alone is known as such, on every CPython."""
        for tp in (object, Plain, Slotted, Weak, Both, derived(Plain), derived(Both)):
            self.assertTrue(is_all_named(tp), tp)

    def test_more(self) -> None:
        """What has room for anything else is not, and what has attributes that cannot be read."""
        built_in = (list, dict, deque, OrderedDict, defaultdict, Exception, functools.partial)
        for tp in (*built_in, property, threading.local, Future, StringIO, Decimal):
            self.assertFalse(is_all_named(tp), tp)
            self.assertFalse(is_all_named(derived(tp)), tp)
        for tp in (int, tuple, type, type(Plain.__init__), Own):
            self.assertFalse(is_all_named(tp), tp)

    def test_getter(self) -> None:
        """The genuine dictionary is read; where there is none in peace there is no reader."""
        thing: Any = Plain()
        thing.x = 1
        getter = attribute_getter(Plain)
        assert getter is not None
        self.assertEqual(getter(thing), {"x": 1})
        for tp in (Own, Slotted, type, threading.local, derived(threading.local), int):
            self.assertIs(attribute_getter(tp), None)

    def test_thread_local(self) -> None:
        """A thread-local class is known, and its heirs."""
        verdicts = list(map(is_thread_local, (threading.local, derived(threading.local), Plain)))
        self.assertEqual(verdicts, [True, True, False])

    def test_slots(self) -> None:
        """Slots come in the order of their names, those of bases among them."""
        self.assertEqual([slot.name for slot in named_slots(Both)], ["one", "two"])
        self.assertFalse(any(slot.computes for slot in named_slots(Both)))
        self.assertTrue(all(slot.computes for slot in named_slots(slice)))
