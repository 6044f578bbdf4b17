"""Find where a type keeps its attributes, by the descriptors that the interpreter made."""

from __future__ import annotations

import _thread
from collections.abc import Callable
from struct import calcsize
from types import (
    BuiltinFunctionType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    TracebackType,
)
from typing import Any, NamedTuple

from txresource.heap.typeinfo import class_items, members_of, own_mro

__all__ = ("Slot", "attribute_getter", "is_all_named", "is_thread_local", "named_slots")

_DESCRIPTORS = frozenset(map(id, (GetSetDescriptorType, MemberDescriptorType)))

_get_basicsize, _get_dictoffset, _get_itemsize, _get_weakrefoffset = (
    type.__dict__[name].__get__
    for name in ("__basicsize__", "__dictoffset__", "__itemsize__", "__weakrefoffset__")
)

#: What C hands out by a function and really keeps.
_KEPT: tuple[tuple[type, tuple[str, ...]], ...] = (
    (BaseException, ("args", "__traceback__", "__context__", "__cause__")),
    (BuiltinFunctionType, ("__self__",)),
    (FunctionType, ("__defaults__", "__kwdefaults__")),
    (TracebackType, ("tb_next",)),
)


class Slot(NamedTuple):
    """A place for one value in every object of a type.

    :ivar name: the attribute.
    :ivar get: reads it; raises AttributeError where it is empty.
    :ivar computes: whether what it returns may be made at that moment.
    """

    name: str
    get: Callable[[Any], Any]
    computes: bool


def is_thread_local(tp: type) -> bool:
    """Whether the attributes of a type's objects differ from thread to thread.

    :param tp: any type.
    """
    return issubclass(tp, _thread._local)


def attribute_getter(tp: type) -> Callable[[Any], Any] | None:
    """What reads the dictionary behind the attributes of a type's objects.

    A ``__dict__`` that a class defines itself is passed over; where it stands in the place of
    the genuine one the attributes are items of the object.

    :param tp: any type.
    :returns: None where there is no such dictionary, or none that can be read in peace.
    """
    if issubclass(tp, type) or is_thread_local(tp):
        return None
    for base in own_mro(tp):
        for name, value in class_items(base):
            if name == "__dict__" and id(type(value)) in _DESCRIPTORS:
                getter: Callable[[Any], Any] = value.__get__
                return getter
    return None


def named_slots(tp: type) -> list[Slot]:
    """The slots of a type and of its bases, by name.

    :param tp: any type.
    """
    found = []
    for base in own_mro(tp):
        members = members_of(base)
        if members:
            written = any(name == "__slots__" for name, _ in class_items(base))
            found += [
                Slot(name, value.__get__, not written)
                for name, value in members
                if name != "__dict__"
            ]
    for owner, names in _KEPT:
        if issubclass(tp, owner):
            items = class_items(owner)
            found += [Slot(name, value.__get__, False) for name, value in items if name in names]
    return sorted(found, key=lambda slot: slot.name)


def is_all_named(tp: type) -> bool:
    """Whether the objects of a type hold nothing but by their attributes and slots.

    That is so where these, and the place of weak references, take up all the room
    that an object has beyond a bare one.

    :param tp: any type.
    """
    dictionary, weak = _get_dictoffset(tp), _get_weakrefoffset(tp)
    if _get_itemsize(tp) or (dictionary and attribute_getter(tp) is None):
        return False
    pointers = (dictionary > 0) + (weak > 0)
    pointers += sum(not slot.computes for slot in named_slots(tp))
    return _get_basicsize(tp) <= object.__basicsize__ + pointers * calcsize("P")
