"""What keeps objects alive by itself: the beginnings of all paths, each with a name."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from itertools import chain
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any
from weakref import ReferenceType

from txresource.heap.held import LONGEST_NAME, nameable, nameable_among, named_edge
from txresource.heap.paths import BOUNDED
from txresource.heap.running import GENERATORS, module_of
from txresource.heap.slots import attribute_getter

__all__ = (
    "Root",
    "code_constants",
    "find_roots",
    "frames_of",
    "held_by_c",
    "split_unreached",
)

_CHUNK = 20_000
#: A mark of what goes by itself stands behind it: an entry goes with its class.
_SUBCLASSES = f"tables of subclasses{BOUNDED}"


@dataclass(frozen=True, slots=True, eq=False)
class Root:
    """Objects that something other than an object keeps alive.

    :param name: what that is.
    :param things: the objects.
    """

    name: str
    things: Sequence[Any]


def find_roots(given: Mapping[str, Sequence[Any]], frames: Iterable[FrameType]) -> list[Root]:
    """The roots that have names, in the order in which they claim what several reach.

    :param given: what the program knows to be alive, by name: the readers and
        timers of a reactor.
    :param frames: the innermost frame of each thread. Those of other threads
        cannot be seen after a fork and have to come from the parent.
    """
    roots = _modules()
    roots += [Root(name, things) for name, things in sorted(given.items())]
    roots += frames_of(frames)
    for variable, value in copy_context().items():
        roots.append(Root(named_edge("context variable", variable.name), [value]))
    return roots


def _modules() -> list[Root]:
    found = [(k, v) for k, v in dict.items(sys.modules) if nameable(k)]
    modules = [(f"module {k}", v) for k, v in found if issubclass(type(v), ModuleType)]
    # Some put an object there in place of a module, as Twisted does its reactor.
    others = [(f"in place of module {k}", v) for k, v in found if v is not None]
    known = {id(v) for _, v in modules}
    others = [(name, v) for name, v in others if id(v) not in known]
    return [
        Root(name, [module])
        for name, module in sorted(modules, key=_name) + sorted(others, key=_name)
    ]


def _name(pair: tuple[str, Any]) -> str:
    return pair[0]


def frames_of(frames: Iterable[FrameType]) -> list[Root]:
    """Frames that run, and all that called them, by the function that each runs.

    :param frames: the innermost ones.
    """
    named: dict[str, list[FrameType]] = {}
    for innermost in frames:
        frame: FrameType | None = innermost
        while frame is not None:
            name = f"frame of {module_of(frame)}.{frame.f_code.co_name}"
            named.setdefault(name, []).append(frame)
            frame = frame.f_back
    return [Root(name, found) for name, found in sorted(named.items(), key=_name)]


def code_constants(tracked: Iterable[Any]) -> frozenset[str]:
    """The strings that stand in the code of functions: only these may be shown as keys.

    :param tracked: all that the collector tracks.
    """
    functions = [thing.__code__ for thing in tracked if type(thing) is FunctionType]
    # By the address: many functions may share one code, and codes that are alike are equal.
    codes = list(dict(zip(map(id, functions), functions, strict=True)).values())
    texts: set[str] = set()
    while codes:
        constants = list(chain.from_iterable([code.co_consts for code in codes]))
        # Long ones are no names: told apart before they are hashed.
        texts.update([e for e in constants if type(e) is str and len(e) <= LONGEST_NAME])
        codes = [each for each in constants if type(each) is CodeType]
    return nameable_among(texts)


def held_by_c(unreached: list[Any]) -> list[Any]:
    """Of objects that no known root reaches, those that something unknown refers to.

    They have more references than the others account for. The others, and
    what those that are held do not reach, are what a collection would free.

    :param unreached: the objects, all of them tracked by the collector; each
        referred to by one list more than this one, and by nothing else of ours.
    """
    inside = _references_inside(unreached)
    # What this search itself adds is measured with an object that nobody else has.
    probe: list[list[None]] = [[]]
    also = list(probe)
    (ours,) = [sys.getrefcount(thing) for thing in probe]
    del also
    return [thing for thing in unreached if sys.getrefcount(thing) - inside[id(thing)] > ours]


def _references_inside(things: list[Any]) -> Counter[int]:
    inside: Counter[int] = Counter()
    for start in range(0, len(things), _CHUNK):
        inside.update(map(id, gc.get_referents(*things[start : start + _CHUNK])))
    ids = set(map(id, things))
    # Only now: asking an instance for the dictionary of its attributes makes one where there was
    # none.
    for thing in things if sys.version_info >= (3, 13) else ():
        getter = attribute_getter(type(thing))
        namespace = None if getter is None else _get_or_none(getter, thing)
        if id(namespace) in ids and not _is_listed(thing, namespace):
            inside[id(namespace)] += 1
    return inside


def _is_listed(thing: Any, namespace: Any) -> bool:
    # From 3.13 on an instance that keeps its values within itself lists these in place of their
    # dictionary, which it owns, and which lists nothing.
    if dict.__len__(namespace):
        return bool(gc.get_referents(namespace))
    return any(each is namespace for each in gc.get_referents(thing))


def _get_or_none(getter: Any, thing: Any) -> Any:
    try:
        return getter(thing)
    except Exception:
        return None


def split_unreached(held: Collection[Any]) -> list[Root]:
    """Roots for what C alone holds, apart from it generators and coroutines that are suspended,
    and what classes keep of the classes made from them, which vanishes with these.

    :param held: what :func:`held_by_c` found.
    """
    suspended = [thing for thing in held if id(type(thing)) in GENERATORS]
    tables = [thing for thing in held if _is_table_of_subclasses(thing)]
    apart = set(map(id, chain(suspended, tables)))
    others = [thing for thing in held if id(thing) not in apart]
    # With what they hold: that is what there is more of.
    entries = chain.from_iterable([(*dict.keys(each), *dict.values(each)) for each in tables])
    return [
        Root("suspended, held by C", suspended),
        Root(_SUBCLASSES, [*tables, *entries]),
        Root("held by C", others),
    ]


def _is_table_of_subclasses(thing: Any) -> bool:
    if type(thing) is not dict or not thing:
        return False
    # One that is gone leaves its entry for a while.
    return all(
        type(key) is int and type(entry) is ReferenceType and _is_class_or_gone(entry())
        for key, entry in dict.items(thing)
    )


def _is_class_or_gone(thing: Any) -> bool:
    return thing is None or issubclass(type(thing), type)
