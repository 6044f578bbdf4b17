"""Name the edges of the heap: by what one object holds another.

Nothing here runs code of the program: attributes are read through the genuine
descriptors that the interpreter made, mappings by the methods of ``dict``, and
whatever is compared is compared by identity. What has no name is an item.

For a forked child: reading attributes makes dictionaries that instances had
none of, and frames remember the dictionaries of their variables.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from contextvars import Context
from functools import partial
from itertools import chain
from types import FrameType, FunctionType
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, WeakSet, WeakValueDictionary

from txresource.heap.held import ITEM, KEY, Held, nameable, read_namespaces
from txresource.heap.running import GENERATORS, read_contexts, read_frames, read_suspended
from txresource.heap.slots import attribute_getter, is_all_named, is_thread_local, named_slots
from txresource.heap.typeinfo import class_items, has_edges, is_heap_type, name_of, own_mro

__all__ = ("EdgeReader", "is_weak_container")

_CHUNK = 20_000
#: A mapping with more keys than this holds data.
_MOST_KEYS = 32
_ITEMS_ALONE = frozenset(map(id, (list, tuple, set, frozenset)))
_NAMESPACES = frozenset((".__globals__", ".f_globals", ".__builtins__"))
_WEAK = frozenset(map(id, (WeakKeyDictionary, WeakSet, WeakValueDictionary)))


_Reader = Callable[[Sequence[Any], Held], None]


def is_weak_container(tp: type) -> bool:
    """Whether the objects of a type hold others only as long as somebody else does.

    :param tp: any type.
    """
    # issubclass would ask the abstract base class of these, which asks for the type's hash.
    return any(id(base) in _WEAK for base in own_mro(tp))


class EdgeReader:
    """Reads what objects hold, a whole group of one type at a time."""

    def __init__(self, constants: frozenset[str] = frozenset()) -> None:
        """
        :param constants: the strings in loaded code; a key that is one of them is a name.
        """
        self._constants = constants
        self._readers: dict[int, list[_Reader]] = {}

    def read(self, tp: type, things: Sequence[Any], edge: str = "") -> Held:
        """What objects hold.

        :param tp: the type of all of them.
        :param things: the objects.
        :param edge: by what they are held themselves: it says which dictionary is a namespace.
        """
        held = Held()
        if not has_edges(tp):
            return held
        if tp is dict and edge in _NAMESPACES:
            read_namespaces(things, held)
            return held
        readers = self._readers.get(id(tp))
        if readers is None:
            readers = self._readers[id(tp)] = self._readers_for(tp)
        for read in readers:
            read(things, held)
        return held

    def _readers_for(self, tp: type) -> list[_Reader]:
        if tp is dict:
            return [partial(_read_mappings, self._constants)]
        # The interpreters show different parts of these: only what all of them show.
        if tp is FrameType:
            return [read_frames]
        if id(tp) in GENERATORS:
            return [partial(read_suspended, GENERATORS[id(tp)]), _read_items]
        readers: list[_Reader] = []
        if id(tp) not in _ITEMS_ALONE:
            readers = [*_special_readers(tp), *_attribute_readers(tp)]
            if issubclass(tp, dict):
                readers.append(partial(_read_mappings, self._constants))
            if is_heap_type(tp):
                readers.append(partial(_read_type, tp))
            if is_all_named(tp) or is_thread_local(tp):
                return readers
        return [*readers, _read_items]


def _read_mappings(constants: frozenset[str], things: Sequence[Any], held: Held) -> None:
    data = []
    for thing in things:
        if _has_names(thing, constants):
            for key, value in dict.items(thing):
                held.named[f'["{key}"]'].append(value)
                held.named[KEY].append(key)
        else:
            data.append(thing)
    held.named[KEY].extend(chain.from_iterable(map(dict.keys, data)))
    held.named[ITEM].extend(chain.from_iterable(map(dict.values, data)))


def _has_names(mapping: Any, constants: frozenset[str]) -> bool:
    if not 0 < dict.__len__(mapping) <= _MOST_KEYS:
        return False
    # A loop, which most mappings leave at their first key.
    for key in dict.keys(mapping):  # noqa: SIM110
        if type(key) is not str or key not in constants:
            return False
    return True


def _special_readers(tp: type) -> list[_Reader]:
    if tp is FunctionType:
        return [_read_closures]
    if tp is Context:
        return [read_contexts]
    if issubclass(tp, type):
        return [_read_classes]
    return [_read_thread_locals] if is_thread_local(tp) else []


def _attribute_readers(tp: type) -> list[_Reader]:
    readers: list[_Reader] = []
    getter = attribute_getter(tp)
    if getter is not None:
        readers.append(partial(_read_attributes, getter))
    readers += [
        partial(_read_slot, f".{slot.name}", slot.get, slot.computes) for slot in named_slots(tp)
    ]
    return readers


def _read_attributes(getter: Callable[[Any], Any], things: Sequence[Any], held: Held) -> None:
    found = []
    for thing in things:
        try:
            namespace = getter(thing)
        except Exception:
            continue
        if issubclass(type(namespace), dict):
            held.hidden.add(id(namespace))
            found.append(namespace)
    read_namespaces(found, held)


def _read_slot(
    edge: str, get: Callable[[Any], Any], computes: bool, things: Sequence[Any], held: Held
) -> None:
    try:
        values = list(map(get, things))
    except Exception:
        values = []
        for thing in things:
            try:
                values.append(get(thing))
            except Exception:
                continue
    # What C computes when it is asked is nobody's, and would be counted as if it were.
    held.named[edge] += filter(_is_kept, values) if computes else values


def _is_kept(value: Any) -> bool:
    return has_edges(type(value))


def _read_closures(things: Sequence[Any], held: Held) -> None:
    for function in things:
        cells = function.__closure__ or ()
        held.hidden.add(id(cells))
        for name, cell in zip(function.__code__.co_freevars, cells, strict=False):
            held.hidden.add(id(cell))
            held.named[f"closure variable '{name}'"] += gc.get_referents(cell)


def _read_classes(things: Sequence[Any], held: Held) -> None:
    for cls in things:
        # What type hands out is a view; the collector sees the dict behind it.
        for behind in gc.get_referents(type.__dict__["__dict__"].__get__(cls)):
            if type(behind) is dict:
                held.hidden.add(id(behind))
        # What C wrote does not change, and has no need of names.
        named = is_heap_type(cls)
        for name, value in class_items(cls):
            held.named[f".{name}" if named and nameable(name) else ITEM].append(value)
        mro, bases = own_mro(cls), type.__dict__["__bases__"].__get__(cls)
        held.hidden |= {id(mro), id(bases)}
        held.named[".__mro__"] += mro[1:]


def _read_thread_locals(things: Sequence[Any], held: Held) -> None:
    # Their own __dict__ would run __init__ in this thread. The collector is shown a dict that
    # leads from a token for each thread to its namespace.
    for behind in gc.get_referents(*things):
        if type(behind) is dict and behind and all(map(_is_token, behind)):
            held.hidden.add(id(behind))
            found = [each for each in behind.values() if type(each) is dict]
            held.hidden.update(map(id, found))
            read_namespaces(found, held)
        elif type(behind) is not set:  # 3.13 has one of what watches the threads
            held.items.append(behind)


def _is_token(key: object) -> bool:
    # A weak reference until 3.12.
    return type(key) is ReferenceType or name_of(type(key)) == "_thread._localdummy"


def _read_type(tp: type, things: Sequence[Any], held: Held) -> None:
    held.named[".__class__"].append(tp)


def _read_items(things: Sequence[Any], held: Held) -> None:
    for start in range(0, len(things), _CHUNK):
        held.items += gc.get_referents(*things[start : start + _CHUNK])
