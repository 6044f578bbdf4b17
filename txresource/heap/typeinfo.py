"""Read what a type is without running any code of its own.

Everything here goes through the slots of ``type`` itself. A metaclass, a
``__class__`` property, a ``__sizeof__`` or a class dictionary that lies is
therefore never asked.
"""

from __future__ import annotations

import sys
from array import array
from collections import deque
from collections.abc import Callable, Collection, Sequence
from io import BufferedRandom, BufferedReader, BufferedWriter, BytesIO
from types import MemberDescriptorType, MethodDescriptorType
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

__all__ = (
    "class_items",
    "has_edges",
    "is_heap_type",
    "is_weak_container",
    "measure_of",
    "members_of",
    "name_of",
    "own_bases",
    "own_mro",
    "sizer",
    "total_size",
)

_WEAK = frozenset(map(id, (WeakKeyDictionary, WeakSet, WeakValueDictionary)))
_HAVE_GC = 1 << 14
_HEAP_TYPE = 1 << 9
_INLINE_OR_MANAGED = (1 << 4) | (1 << 3)
_LONGEST_NAME = 200


def _reader(name: str) -> Callable[[type], Any]:
    found = type.__dict__.get(name)
    # Only CPython has them all, and only there is anything here called.
    return found.__get__ if found is not None else lambda tp: None


_get_bases = _reader("__bases__")
_get_basicsize = _reader("__basicsize__")
_get_dict = _reader("__dict__")
_get_flags = _reader("__flags__")
_get_itemsize = _reader("__itemsize__")
_get_module = _reader("__module__")
_get_mro = _reader("__mro__")
_get_qualname = _reader("__qualname__")


class _Plain:
    """Shows what the interpreter puts in front of an ordinary instance."""


def _in_front_of(thing: object) -> int:
    try:
        return sys.getsizeof(thing) - thing.__sizeof__()
    except (AttributeError, TypeError):
        return 0


_GC_HEADER = _in_front_of([])
_MANAGED_HEADER = _in_front_of(_Plain()) - _GC_HEADER

# Types that C makes at run time and whose __sizeof__ is safe for any object.
# That is no rule: struct.Struct's crashes on one whose __init__ never ran.
_TRUSTED = frozenset(
    map(id, (array, BufferedRandom, BufferedReader, BufferedWriter, BytesIO, deque))
)


def is_heap_type(tp: type) -> bool:
    """Whether a type was made at run time, by a class statement or by C.

    :param tp: any type.
    """
    return bool(_get_flags(tp) & _HEAP_TYPE)


def has_edges(tp: type) -> bool:
    """Whether the objects of a type can hold others that the collector sees.

    :param tp: any type.
    """
    return bool(_get_flags(tp) & _HAVE_GC)


def own_mro(tp: type) -> tuple[type, ...]:
    """The method resolution order as the interpreter keeps it.

    :param tp: any type, also one that another thread is still making.
    """
    return _get_mro(tp) or (tp, object)


def is_weak_container(tp: type) -> bool:
    """Whether the objects of a type hold others only as long as somebody else does.

    :param tp: any type.
    """
    # issubclass would ask the abstract base class of these, which asks for the type's hash.
    return any(id(base) in _WEAK for base in own_mro(tp))


def own_bases(tp: type) -> tuple[type, ...]:
    """The bases of a type.

    :param tp: any type. One that C has never made ready has none: CPython 3.10 and 3.11 crash
        when they are asked for them.
    """
    return () if _get_mro(tp) is None else _get_bases(tp)


def class_items(tp: type, known: Collection[int] = ()) -> list[tuple[str, Any]]:
    """The entries of a type's own dictionary whose keys are exact strings.

    The dictionary is walked, not searched: a search would call ``__eq__`` of
    a key that pretends to be a string.

    :param tp: any type.
    :param known: the ids of values that are left out.
    """
    items = (_get_dict(tp) or {}).items()
    if not known:
        return [(k, v) for k, v in items if type(k) is str]
    return [(k, v) for k, v in items if id(v) not in known and type(k) is str]


def members_of(tp: type) -> list[tuple[str, Any]]:
    """Those of :func:`class_items` that are places in its objects, as slots are.

    :param tp: any type.
    """
    # Of a type's entries hardly any is one: asked before its name is, it takes half the time.
    items = (_get_dict(tp) or {}).items()
    return [(k, v) for k, v in items if type(v) is MemberDescriptorType and type(k) is str]


def _own(tp: type, name: str) -> Any:
    """An entry of a type's own dictionary; None where there is none."""
    # It is among the first, and a type is asked for its name by the thousand.
    for key, value in (_get_dict(tp) or {}).items():
        if type(key) is str and key == name:
            return value
    return None


def _text(value: object) -> str:
    return str.__str__(value) if issubclass(type(value), str) else "?"


def name_of(tp: type) -> str:
    """Module and qualified name of a type; builtins without the module.

    :param tp: any type.
    :returns: ``?`` stands for a part that is not text.
    """
    if is_heap_type(tp):
        module = _text(_own(tp, "__module__"))
    else:
        module = _text(_get_module(tp))
    qualname = _text(_get_qualname(tp))
    whole = qualname if module == "builtins" else module + "." + qualname
    return _printable(whole[:_LONGEST_NAME])[:_LONGEST_NAME]


def _printable(name: str) -> str:
    # Whoever makes a type at run time may call it anything: a name shall neither end a line of
    # the log nor be one that no file can hold.
    return name if name.isprintable() else name.encode("unicode_escape").decode("ascii")


def sizer(tp: type) -> Callable[[Any], int]:
    """The ``__sizeof__`` of the first base of a type that is known to be safe C.

    Those are the static types, and a few more.

    :param tp: any type.
    """
    for base in own_mro(tp):
        if is_heap_type(base) and id(base) not in _TRUSTED:
            continue
        for name, value in class_items(base):
            if name == "__sizeof__" and type(value) is MethodDescriptorType:
                return value
    return object.__sizeof__


def _header_size(tp: type) -> int:
    flags = _get_flags(tp)
    size = _GC_HEADER if flags & _HAVE_GC else 0
    return size + _MANAGED_HEADER if flags & _INLINE_OR_MANAGED else size


def total_size(tp: type, objects: Sequence[Any]) -> int:
    """Bytes that objects of one type take, their headers included.

    An estimate: attribute values that CPython 3.11 and newer keep outside of
    any dictionary are not seen.

    :param tp: the type of all the objects.
    :param objects: the objects.
    """
    return measure_of(tp)(objects)


def measure_of(tp: type) -> Callable[[Sequence[Any]], int]:
    """What :func:`total_size` does, for one type and many turns.

    :param tp: any type.
    """
    header, basic = _header_size(tp), _get_basicsize(tp)
    measure = sizer(tp)
    fixed = measure is object.__sizeof__ and not _get_itemsize(tp)

    def fixed_total(objects: Sequence[Any]) -> int:
        return (header + basic) * len(objects)

    def total(objects: Sequence[Any]) -> int:
        try:
            return header * len(objects) + sum(map(measure, objects))
        except Exception:
            return sum(header + _one_size(measure, o, basic) for o in objects)

    return fixed_total if fixed else total


def _one_size(measure: Callable[[Any], int], thing: Any, basic: int) -> int:
    try:
        return measure(thing)
    except Exception:
        return basic
