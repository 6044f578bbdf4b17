"""What a reactor keeps alive, read in a forked child without calling anything of the program's.

Reactors keep this in attributes that are nobody else's business. They are read
by the names that Twisted's own reactors have for them; what a reactor does not
have it has nothing in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from twisted.internet.base import DelayedCall, _ThreePhaseEvent

from txresource.heap.paths import BOUNDED
from txresource.heap.slots import attribute_getter

__all__ = ("reactor_roots",)

#: What is known by descriptor numbers alone is looked up here.
_BY_NUMBER = "_selectables"
_TIMERS = "reactor's timers"
_CANCELLED = f"reactor's cancelled timers{BOUNDED}"
_PLACES = (
    ("reactor's readers", ("_reads", "_readers")),
    ("reactor's writers", ("_writes", "_writers")),
    (_TIMERS, ("_pendingTimedCalls", "_newTimedCalls", "calls")),
    ("reactor's calls from threads", ("threadCallQueue",)),
    ("reactor's thread pool", ("threadpool",)),
)
_TRIGGERS = "reactor's system event triggers"
_LISTS = frozenset(map(id, (list, tuple, set, frozenset, deque)))
_PHASES = ("before", "during", "after")


def reactor_roots(reactor: object) -> dict[str, list[Any]]:
    """What a reactor keeps alive, by names that can stand at the beginning of a path.

    :param reactor: any reactor, or a clock; of another object there is nothing.
    """
    kept = _attributes(reactor)
    selectables = kept.get(_BY_NUMBER)
    numbers = selectables if type(selectables) is dict else {}
    found = {
        root: [each for name in names for each in _things(kept.get(name), numbers)]
        for root, names in _PLACES
    }
    found[_TRIGGERS] = _triggers(kept.get("_eventTriggers"))
    # A reactor throws them out when they are many: until then each timeout that was not needed
    # leaves one.
    timers = found.pop(_TIMERS)
    for call in timers:
        found.setdefault(_CANCELLED if _is_cancelled(call) else _TIMERS, []).append(call)
    return {root: things for root, things in found.items() if things}


def _attributes(thing: object) -> dict[str, Any]:
    getter = attribute_getter(type(thing))
    namespace: Any = None if getter is None else getter(thing)
    if not issubclass(type(namespace), dict):
        return {}
    # Walked, not searched: a search would call __eq__ of a key that pretends to be a string.
    return {key: value for key, value in dict.items(namespace) if type(key) is str}


def _is_cancelled(call: Any) -> bool:
    return type(call) is DelayedCall and _attributes(call).get("cancelled") == 1


def _things(place: Any, numbers: Mapping[int, Any]) -> Iterable[Any]:
    if type(place) is not dict and id(type(place)) not in _LISTS:
        return [] if place is None else [place]
    found = [numbers.get(each) if type(each) is int else each for each in place]
    return [each for each in found if each is not None]


def _triggers(events: Any) -> list[Any]:
    found: list[Any] = []
    for event in events.values() if type(events) is dict else ():
        if type(event) is _ThreePhaseEvent:
            kept = _attributes(event)
            for phase in _PHASES:
                found += _things(kept.get(phase), {})
    return found
