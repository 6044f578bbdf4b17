"""Sort objects by their kind: the type, and for code that waits or is called, which code it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from types import FrameType, FunctionType, MethodType
from typing import Any

from txresource.heap.running import GENERATORS
from txresource.heap.typeinfo import name_of

__all__ = ("Group", "code_name", "is_definition", "sort_by_kind")

#: A kind's name, its type, and the objects of it.
Group = tuple[str, type, Sequence[Any]]

_NAMED = frozenset((id(FrameType), id(FunctionType), id(MethodType), *GENERATORS))


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


def is_definition(tp: type) -> bool:
    """Whether the objects of a type are functions or classes.

    :param tp: any type.
    """
    return tp is FunctionType or issubclass(tp, type)


def sort_by_kind(things: Sequence[Any], names: dict[int, str]) -> list[Group]:
    """Sort objects into groups of one type, the groups in the order of their names.

    :param things: any objects.
    :param names: the names of types found so far, by the id of the type; more are added.
    """
    groups: list[Group] = []
    for alike in _by_type(things):
        tp = type(alike[0])
        name = names.get(id(tp)) or names.setdefault(id(tp), name_of(tp))
        if id(tp) in _NAMED:
            groups += [(f"{name} {code}", tp, some) for code, some in _by_code(alike).items()]
        else:
            groups.append((name, tp, alike))
    if len(groups) > 1:
        groups.sort(key=lambda group: group[0])
    return groups


def _by_type(things: Sequence[Any]) -> Iterable[Sequence[Any]]:
    # Most lists hold one type alone, and this is told without a loop.
    if len(set(map(id, map(type, things)))) <= 1:
        return [things] if things else []
    # By the address of the type: a metaclass may define __eq__ and __hash__.
    groups: defaultdict[int, list[Any]] = defaultdict(list)
    for thing in things:
        groups[id(type(thing))].append(thing)
    return groups.values()


def _by_code(things: Sequence[Any]) -> dict[str, list[Any]]:
    groups: defaultdict[str, list[Any]] = defaultdict(list)
    for thing in things:
        groups[code_name(thing)].append(thing)
    return groups
