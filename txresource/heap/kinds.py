"""Sort objects by their kind: the type, and for code that waits or is called, which code it is."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from functools import _lru_cache_wrapper
from types import CellType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any

from txresource.heap.census import Census, census_of
from txresource.heap.paths import BOUNDED, CLASS
from txresource.heap.running import GENERATORS, module_of
from txresource.heap.slots import attribute_getter
from txresource.heap.typeinfo import has_edges, is_weak_container, measure_of, name_of
from txresource.heap.unseen import Unseen

__all__ = ("Group", "Kind", "Kinds", "code_name", "size_themselves")

#: Types whose objects say themselves what they take, by no code but the interpreter's own.
_OWN_SIZES = frozenset(map(id, (CellType, dict, tuple)))
_MANY = 64


class Kind:
    """
    One type: what is to be known of it, and how many of its objects were found.

    :ivar tp: the type.
    :ivar name: its name.
    :ivar split: what tells its objects apart beyond the type; ``None``: nothing does.
    :ivar inner: whether its objects can hold others.
    :ivar is_class: whether they are classes.
    :ivar weak: whether they hold them only as long as somebody else does.
    :ivar defines: whether they are modules, functions or classes.
    :ivar unseen: whether they belong to the look itself.
    :ivar total: the bytes of some of its objects.
    :ivar count: objects found so far.
    :ivar size: their bytes.
    """

    __slots__ = (
        "count",
        "defines",
        "inner",
        "is_class",
        "name",
        "size",
        "split",
        "total",
        "tp",
        "unseen",
        "weak",
    )

    def __init__(self, tp: type) -> None:
        self.tp = tp
        self.name = name_of(tp)
        self.split = _SPLITS.get(id(tp))
        if self.split is None and issubclass(tp, deque):
            self.split = _bounded_deque
        self.is_class = issubclass(tp, type)
        self.inner = has_edges(tp)
        self.weak = is_weak_container(tp)
        self.defines = tp is FunctionType or issubclass(tp, type | ModuleType)
        self.unseen = issubclass(tp, Unseen)
        self.total = measure_of(tp)
        self.count = self.size = 0

    def add(self, things: Sequence[Any]) -> int:
        """Count some of its objects; their bytes.

        :param things: objects that were not counted before.
        """
        size = self.total(things)
        self.count += len(things)
        self.size += size
        return size


#: A kind's name, the kind, and the objects of it.
Group = tuple[str, Kind, Sequence[Any]]


class Kinds:
    """All kinds that were met."""

    def __init__(self) -> None:
        self._known: dict[int, Kind] = {}
        self._types: list[type] = []
        self._sizes: list[int] = []

    def of(self, tp: type) -> Kind:
        """What is known of a type.

        :param tp: any type.
        """
        kind = self._known.get(id(tp))
        if kind is None:
            kind = self._known[id(tp)] = Kind(tp)
        return kind

    def add(self, things: Sequence[Any]) -> int:
        """Count objects of any kinds; their bytes.

        :param things: objects that were not counted before.
        """
        return sum(kind.add(alike) for kind, alike in self.by_type(things))

    def add_parts(self, things: Sequence[Any]) -> int:
        """Count objects whose types are the interpreter's own; their bytes.

        :param things: objects that were not counted before.
        """
        # They come in tens of thousands of small lists: by their types they are counted at the end.
        sizes = list(map(sys.getsizeof, things))
        self._types += map(type, things)
        self._sizes += sizes
        return sum(sizes)

    def _count_parts(self) -> None:
        counts = Counter(self._types)
        sizes = dict.fromkeys(counts, 0)
        for tp, size in zip(self._types, self._sizes, strict=True):
            sizes[tp] += size
        for tp, count in counts.items():
            kind = self.of(tp)
            kind.count += count
            kind.size += sizes[tp]
        self._types, self._sizes = [], []

    def sort(self, things: Sequence[Any], named: bool = True) -> list[Group]:
        """Sort objects into groups of one kind, the groups in the order of their names.

        :param things: any objects.
        :param named: whether what holds them has a name for each. Classes are told by theirs
            then; of many in one container the name would say nothing, and hide that they grow.
        """
        if len(things) == 1:
            (thing,) = things
            kind = self.of(type(thing))
            if kind.is_class and named:
                return [(f"{CLASS}{name_of(thing)}", kind, things)]
            name = kind.name if kind.split is None else kind.name + kind.split(thing)
            return [(name, kind, things)]
        groups: list[Group] = []
        for kind, alike in self.by_type(things):
            if kind.is_class and named:
                groups += [(f"{CLASS}{name_of(each)}", kind, [each]) for each in alike]
            elif kind.split is None:
                groups.append((kind.name, kind, alike))
            else:
                groups += [(name, kind, some) for name, some in _split(kind, alike).items()]
        if len(groups) > 1:
            groups.sort(key=_name)
        return groups

    def by_type(self, things: Sequence[Any]) -> Iterable[tuple[Kind, Sequence[Any]]]:
        """Sort objects by their type alone, in no order.

        :param things: any objects.
        """
        if len(things) == 1:
            return [(self.of(type(things[0])), things)]
        # Most lists hold one type alone, and this is told without a loop.
        if len(things) > 8 and len(set(map(id, map(type, things)))) == 1:
            return [(self.of(type(things[0])), things)]
        # By the address of the type: a metaclass may define __eq__ and __hash__.
        groups: defaultdict[int, list[Any]] = defaultdict(list)
        for thing in things:
            groups[id(type(thing))].append(thing)
        return [(self.of(type(alike[0])), alike) for alike in groups.values()]

    def census(self, gc_objects: int) -> Census:
        """All that was counted.

        :param gc_objects: how many objects the collector tracks.
        """
        self._count_parts()
        found = [(kind.name, kind.count, kind.size) for kind in self._known.values() if kind.count]
        return census_of(found, gc_objects, complete=True)


def size_themselves(things: Sequence[Any]) -> bool:
    """Whether some things, and not many, are of types that :meth:`Kinds.add_parts` counts.

    :param things: any objects.
    """
    return len(things) < _MANY and _OWN_SIZES.issuperset(map(id, map(type, things)))


def _name(group: Group) -> str:
    return group[0]


def _split(kind: Kind, things: Sequence[Any]) -> dict[str, list[Any]]:
    groups: defaultdict[str, list[Any]] = defaultdict(list)
    assert kind.split is not None
    for thing in things:
        groups[kind.name + kind.split(thing)].append(thing)
    return groups


def code_name(thing: Any) -> str:
    """Whose code a frame, function, method or generator runs.

    :param thing: one of these.
    :returns: the name of the function; ``?`` where there is none.
    """
    if type(thing) is MethodType:
        thing = thing.__func__
    if type(thing) is FrameType:
        return thing.f_code.co_name
    if type(thing) is FunctionType or id(type(thing)) in GENERATORS:
        name: str = thing.__qualname__
        # Anybody may have set it, and to any text.
        return name if type(name) is str and name.isprintable() and len(name) < 200 else "?"
    return "?"


def _code(thing: Any) -> str:
    return f" {code_name(thing)}"


def _code_and_module(thing: Any) -> str:
    frame = getattr(thing, GENERATORS[id(type(thing))][0])
    return f" {code_name(thing)}" if frame is None else f" {module_of(frame)}.{code_name(thing)}"


_get_maxlen: Callable[[Any], int | None] = deque.__dict__["maxlen"].__get__
_get_cache_dict: Any = attribute_getter(_lru_cache_wrapper)


def _bounded_deque(thing: Any) -> str:
    return "" if _get_maxlen(thing) is None else BOUNDED


def _bounded_cache(thing: Any) -> str:
    # What it says of itself it says by a function of the standard library, or of somebody's own.
    # That function is not called: its variables are looked at.
    parameters = next(
        (v for k, v in dict.items(_get_cache_dict(thing)) if type(k) is str and k == _SAYS), None
    )
    if type(parameters) is not FunctionType:
        return ""
    cells = zip(parameters.__code__.co_freevars, parameters.__closure__ or (), strict=False)
    for name, cell in cells:
        if name == "maxsize":
            return BOUNDED if type(cell.cell_contents) is int else ""
    return ""


_SAYS = "cache_parameters"
_SPLITS: dict[int, Callable[[Any], str]] = {
    id(FrameType): _code,
    id(FunctionType): _code,
    id(MethodType): _code,
    id(_lru_cache_wrapper): _bounded_cache,
    **dict.fromkeys(GENERATORS, _code_and_module),
}
