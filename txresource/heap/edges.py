"""Name the edges of the heap: by what one object holds another.

Nothing here runs code of the program: attributes are read through the genuine
descriptors that the interpreter made, mappings by the methods of ``dict``, and
whatever is compared is compared by identity. What has no name is an item.

For a forked child: reading attributes makes dictionaries that instances had
none of, and frames remember the dictionaries of their variables.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterable, Sequence
from contextvars import Context
from functools import partial
from itertools import chain
from struct import calcsize
from types import FrameType, FunctionType, ModuleType
from typing import Any
from weakref import ReferenceType

from txresource.heap.held import ITEM, KEY, Held, read_namespaces
from txresource.heap.running import GENERATORS, read_contexts, read_frames, read_suspended
from txresource.heap.slots import (
    Slot,
    attribute_getter,
    is_all_named,
    is_thread_local,
    named_slots,
)
from txresource.heap.typeinfo import (
    class_items,
    has_edges,
    is_heap_type,
    name_of,
    own_bases,
    own_mro,
)

__all__ = ("EdgeReader", "values_of")

_CHUNK = 20_000
_POINTER = calcsize("P")
#: A mapping with more keys than this holds data.
_MOST_KEYS = 32
_ITEMS_ALONE = frozenset(map(id, (list, tuple, set, frozenset)))
_NAMESPACES = frozenset((".__globals__", ".f_globals", ".__builtins__"))


_get_class_view: Any = vars(type)["__dict__"].__get__
_get_module_namespace: Any = vars(ModuleType)["__dict__"].__get__
_Reader = Callable[[Sequence[Any], Held], None]


class EdgeReader:
    """
    Reads what objects hold, a whole group of one type at a time.

    :ivar known: the ids of what need not be named any more where a module or a class holds it:
        most of what they hold others hold as well.
    """

    def __init__(self, constants: frozenset[str] = frozenset()) -> None:
        """
        :param constants: the strings in loaded code; a key that is one of them is a name.
        """
        self.known: Collection[int] = ()
        self._constants = constants
        self._edges: dict[str, str] = {}
        self._readers: dict[int, tuple[bool, list[_Reader]]] = {}

    def read(self, tp: type, things: Sequence[Any], edge: str = "") -> Held:
        """What objects hold.

        :param tp: the type of all of them.
        :param things: the objects.
        :param edge: by what they are held themselves: it says which dictionary is a namespace.
        """
        if tp is dict and edge in _NAMESPACES:
            held = Held(self.known, self._edges)
            read_namespaces(things, held)
            return held
        found = self._readers.get(id(tp))
        if found is None:
            defines = tp is FunctionType or issubclass(tp, type | ModuleType)
            found = self._readers[id(tp)] = defines, self._readers_for(tp)
        defines, readers = found
        held = Held(self.known if defines else (), self._edges)
        for read in readers:
            read(things, held)
        return held

    def _readers_for(self, tp: type) -> list[_Reader]:
        if not has_edges(tp):
            return []
        if tp is dict:
            return [partial(_read_mappings, self._constants)]
        # The interpreters show different parts of these: only what all of them show.
        if tp is FrameType:
            return [read_frames]
        if id(tp) in GENERATORS:
            return [partial(read_suspended, GENERATORS[id(tp)]), _read_items]
        readers: list[_Reader] = []
        if issubclass(tp, type):
            readers = [_read_classes]
            if is_heap_type(tp):
                readers.append(partial(_read_type, tp))
        elif id(tp) not in _ITEMS_ALONE:
            readers = [*_special_readers(tp), *_attribute_readers(tp)]
            if issubclass(tp, dict):
                readers.append(partial(_read_mappings, self._constants))
            if is_heap_type(tp):
                readers.append(partial(_read_type, tp))
            if is_all_named(tp) or is_thread_local(tp):
                return readers
        return [*readers, _read_items]


def values_of(tp: type, things: Sequence[Any]) -> Iterable[Any]:
    """What modules or classes hold by names; of other things nothing.

    :param tp: the type of all of them.
    :param things: the objects.
    """
    if issubclass(tp, type):
        namespaces = [each for cls in things for each in _class_namespaces(cls)]
    elif tp is ModuleType:
        namespaces = list(map(_get_module_namespace, things))
    else:
        return ()
    return chain.from_iterable(map(dict.values, namespaces))


def _class_namespaces(cls: type) -> list[Any]:
    # What type hands out is a view; the collector sees the dict behind it.
    return [each for each in gc.get_referents(_get_class_view(cls)) if type(each) is dict]


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
    return [_read_thread_locals] if is_thread_local(tp) else []


def _attribute_readers(tp: type) -> list[_Reader]:
    readers: list[_Reader] = []
    getter = attribute_getter(tp)
    if getter is not None:
        readers.append(partial(_read_attributes, getter))
    slots = named_slots(tp)
    if slots:
        readers.append(partial(_read_slots, slots))
    return readers


def _read_attributes(getter: Callable[[Any], Any], things: Sequence[Any], held: Held) -> None:
    found: list[Any] = []
    for start in range(0, len(things), _CHUNK):
        chunk = things[start : start + _CHUNK]
        # Before they are asked: who has no dictionary is given one.
        real = set(map(id, gc.get_referents(*chunk)))
        for thing in chunk:
            try:
                namespace = getter(thing)
            except Exception:
                continue
            if not issubclass(type(namespace), dict):
                continue
            found.append(namespace)
            if id(namespace) in real:
                held.hidden.append(namespace)
            else:
                held.unreal.add(id(namespace))
                held.inline += _POINTER * dict.__len__(namespace)
    read_namespaces(found, held)


def _read_slots(slots: Sequence[Slot], things: Sequence[Any], held: Held) -> None:
    if len(things) == 1:
        _read_slots_of_one(slots, things[0], held)
        return
    for slot in slots:
        values = _values_in(slot.get, things)
        if held.known:
            values = [value for value in values if id(value) not in held.known]
        if slot.computes:
            # What C computes when it is asked is nobody's, and would be counted as if it were.
            values = [value for value in values if has_edges(type(value))]
        if values:
            held.named[f".{slot.name}"] += values


def _read_slots_of_one(slots: Sequence[Slot], thing: Any, held: Held) -> None:
    # The same without lists: a program has thousands of functions and other objects that are
    # alone at their places.
    known = held.known
    for name, get, computes in slots:
        try:
            value = get(thing)
        except Exception:
            continue
        if id(value) not in known and (not computes or has_edges(type(value))):
            held.named[f".{name}"].append(value)


def _values_in(get: Callable[[Any], Any], things: Sequence[Any]) -> list[Any]:
    try:
        return list(map(get, things))
    except Exception:
        values = []
        for thing in things:
            try:
                values.append(get(thing))
            except Exception:
                continue
        return values


def _read_closures(things: Sequence[Any], held: Held) -> None:
    for function in things:
        cells = function.__closure__ or ()
        if cells:
            held.hidden.append(cells)
        for name, cell in zip(function.__code__.co_freevars, cells, strict=False):
            held.hidden.append(cell)
            held.named[f"closure variable '{name}'"] += gc.get_referents(cell)


def _read_classes(things: Sequence[Any], held: Held) -> None:
    known = held.known
    for cls in things:
        held.hidden += _class_namespaces(cls)
        # What C wrote does not change, and has no need of names.
        named = is_heap_type(cls)
        for name, value in class_items(cls, known):
            held.named[held.edge(name) if named else ITEM].append(value)
        mro, bases = own_mro(cls), own_bases(cls)
        held.hidden += (mro, bases)
        above = [each for each in mro[1:] if id(each) not in known]
        if above:
            held.named[".__mro__"] += above


def _read_thread_locals(things: Sequence[Any], held: Held) -> None:
    # Their own __dict__ would run __init__ in this thread. The collector is shown a dict that
    # leads from a token for each thread to its namespace.
    for behind in gc.get_referents(*things):
        if type(behind) is dict and behind and all(map(_is_token, behind)):
            held.hidden.append(behind)
            found = [each for each in behind.values() if type(each) is dict]
            held.hidden += found
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
