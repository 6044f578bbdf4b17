"""What is a mere part of a definition: too small, too fixed and too much to have a place of its own.

A program has ten functions to a class and five texts to a function. Where a
module or a class holds one of these by a name it has given, and nothing hangs
in it but names, texts, numbers and code, and what others have led to, its bytes
are those of the holder.
Whatever can grow has a place.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader
from types import (
    BuiltinFunctionType,
    CellType,
    ClassMethodDescriptorType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    WrapperDescriptorType,
)
from typing import Any

__all__ = ("PartFinder",)


def _ids(*types: type) -> frozenset[int]:
    return frozenset(map(id, types))


#: How a module was found.
_IMPORTS = (ModuleSpec, SourceFileLoader, ExtensionFileLoader)
#: Neither change nor hold anything.
_ATOMS = _ids(str, int, float, complex, bytes, bool, type(None), type(...), CodeType)
_TEXTS = _ids(str, bytes)
_LISTED = _ids(list, set, frozenset, tuple, dict)
#: What is a part if all that it holds is: by its type, which types it may hold beside atoms. A
#: default that is a list or a dictionary may grow: its function is no part.
_MAY_HOLD: dict[int, frozenset[int]] = {
    id(FunctionType): _ids(tuple, dict),
    id(CellType): _ids(FunctionType),
    id(property): _ids(FunctionType),
    id(classmethod): _ids(FunctionType, dict),
    id(staticmethod): _ids(FunctionType, dict),
    id(ModuleSpec): _ids(list, dict, *_IMPORTS),
    id(tuple): _ids(tuple, frozenset, CellType),
    id(frozenset): _ids(tuple, frozenset),
    id(dict): _ids(tuple, FunctionType, *_IMPORTS),
    **dict.fromkeys(_ids(SourceFileLoader, ExtensionFileLoader), _ids(dict)),
    **dict.fromkeys(
        _ids(
            BuiltinFunctionType,
            ClassMethodDescriptorType,
            GetSetDescriptorType,
            MemberDescriptorType,
            MethodDescriptorType,
            WrapperDescriptorType,
            list,
            set,
        ),
        frozenset(),
    ),
}
#: By what name a definition holds one of these, and what else it holds, has no say in whether it is
#: a part.
_PLAIN = _ids(
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    WrapperDescriptorType,
    classmethod,
    property,
    staticmethod,
    *_IMPORTS,
)
_TAKEN_AMONG = _ATOMS | _PLAIN
_PARTS = _ATOMS | _MAY_HOLD.keys()
_TYPES = _ids(*_IMPORTS)
#: These grow in some programs; those that the interpreter has named do not.
_ONLY_NAMED = _ids(list, set, dict)
_LARGEST_TEXT = 512
_MOST_ITEMS = 64
_DEEPEST = 5


class PartFinder:
    """Tells what is a mere part.

    :ivar outside: the ids of what leads out of a definition, and is reached
        elsewhere: the namespaces of modules, the types of parts.
    """

    def __init__(self, seen: set[int]) -> None:
        """
        :param seen: the ids of what has been reached already; those of parts are added.
        """
        self.outside = set(_TYPES)
        self._seen = seen

    def take(self, edge: str, thing: Any) -> list[Any]:
        """A part of a definition, and all its own parts that were not reached before.

        :param edge: the name by which a module, class or function holds it.
        :param thing: what is held, and was not reached before.
        :returns: nothing where it is more than a part.
        """
        tp = id(type(thing))
        if tp not in _PARTS:
            return []
        special = edge.startswith(".__") and edge.endswith("__")
        if tp in _ATOMS:
            return [thing] if special or not _long([thing]) else []
        if (tp in _ONLY_NAMED and not special) or _has_large([thing]):
            return []
        inner = self._inner([thing])
        return [] if inner is None else [thing, *inner]

    def take_among(self, things: Iterable[Any]) -> list[Any]:
        """The texts, numbers and functions among what a definition holds, by whatever name, as far
        as they are parts; and all their own parts.

        :param things: what is held.
        """
        seen, add = self._seen, self._seen.add
        new = [
            each
            for each in things
            if (key := id(each)) not in seen and id(type(each)) in _TAKEN_AMONG and not add(key)
        ]
        if not new:
            return new
        long = _long(new)
        if long:
            seen.difference_update(map(id, long))
            new = [each for each in new if id(each) in seen]
        plain = [each for each in new if id(type(each)) in _PLAIN]
        if not plain:
            return new
        inner = self._inner(plain)
        if inner is not None:
            return new + inner
        seen.difference_update(map(id, plain))
        return [each for each in new if id(type(each)) in _ATOMS] + self._some_of(plain)

    def _some_of(self, plain: list[Any]) -> list[Any]:
        """Which of some things are parts, although not all of them are."""
        found: list[Any] = []
        # Mostly it is what a function has closed over that is more: all others are asked together.
        for alike in _by_closure(plain):
            parts = self._all_of(alike) if 1 < len(alike) < len(plain) else None
            if parts is None:
                for alone in alike:
                    found += self._all_of([alone]) or ()
            else:
                found += parts
        return found

    def _all_of(self, plain: list[Any]) -> list[Any] | None:
        """Some things and their own parts; None where any of them is more than a part."""
        # They may be parts of others.
        new = [each for each in plain if id(each) not in self._seen]
        self._seen.update(map(id, new))
        inner = self._inner(new) if new else []
        if inner is None:
            self._seen.difference_update(map(id, new))
            return None
        return new + inner

    def _inner(self, things: list[Any]) -> list[Any] | None:
        """What some things hold that was not reached before; None where that is more than parts."""
        seen, outside, add = self._seen, self.outside, self._seen.add
        found: list[Any] = []
        for _ in range(_DEEPEST):
            deeper: list[Any] = []
            for tp, alike in _by_type(things):
                new = [
                    each
                    for each in gc.get_referents(*alike)
                    if (key := id(each)) not in seen and key not in outside and not add(key)
                ]
                found += new
                # Nearly always, and told without a loop.
                if _ATOMS.issuperset(map(id, map(type, new))):
                    continue
                inner = [each for each in new if id(type(each)) not in _ATOMS]
                if not _may_hold(tp, inner):
                    seen.difference_update(map(id, found))
                    return None
                deeper += inner
            if not deeper:
                return found
            things = deeper
        seen.difference_update(map(id, found))
        return None


def _by_type(things: list[Any]) -> Iterable[tuple[int, list[Any]]]:
    if len(things) == 1 or len(set(map(id, map(type, things)))) == 1:
        return [(id(type(things[0])), things)]
    groups: dict[int, list[Any]] = {}
    for thing in things:
        groups.setdefault(id(type(thing)), []).append(thing)
    return groups.items()


def _by_closure(things: list[Any]) -> Iterable[list[Any]]:
    groups: dict[tuple[int, bool], list[Any]] = {}
    for thing in things:
        closed = type(thing) is FunctionType and thing.__closure__ is not None
        groups.setdefault((id(type(thing)), closed), []).append(thing)
    return groups.values()


def _may_hold(tp: int, inner: list[Any]) -> bool:
    return _MAY_HOLD[tp].issuperset(map(id, map(type, inner))) and not _has_large(inner)


def _long(things: list[Any]) -> list[Any]:
    return [each for each in things if id(type(each)) in _TEXTS and len(each) > _LARGEST_TEXT]


def _has_large(things: list[Any]) -> bool:
    return any(len(each) > _MOST_ITEMS for each in things if id(type(each)) in _LISTED)
