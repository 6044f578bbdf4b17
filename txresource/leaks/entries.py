"""Findings as the report has them: a title, a trace with its suspects, and a signature."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from txresource.heap.paths import CLASS, Path, Step

if TYPE_CHECKING:  # whoever finds asks here whose a kind is
    from txresource.leaks.growth import Finding

__all__ = (
    "SUSPECTS",
    "belongs_to_libraries",
    "entry_of",
    "signature_of",
    "title_of",
    "trace_of",
)

#: The holder to blame is not looked for further up than this many edges.
SUSPECTS = 4
_LIBRARIES = frozenset(("twisted", "zope", "treq", "automat", "constantly", "hyperlink", "OpenSSL"))
#: How the names of roots begin that are one thing each, and say what it is.
_ONE_THING = ("module ", "in place of module ", "frame of ", "context variable ")
_BY_C = "held by C"
_HEAP_TYPE = 1 << 9
#: A .tac is no module: what its functions share is reached through any of them.
_GLOBALS = frozenset((".__globals__", ".f_globals"))
_GLOBAL = "global"
#: Kinds that say whose code it is that waits.
_WAITING = frozenset(("coroutine", "generator", "async_generator"))


def _builtin_names() -> Iterator[str]:
    front: list[type] = [object]
    while front:
        tp = front.pop()
        if tp.__module__ == "builtins" and not tp.__flags__ & _HEAP_TYPE:
            yield tp.__name__
            front += type.__subclasses__(tp)


_BUILTIN = frozenset(_builtin_names())


def entry_of(finding: Finding) -> dict[str, Any]:
    """
    What a report says of something that grows; all but its state, which only who keeps the
    report knows.

    :param finding: what grows.
    """
    path = _with_holder(finding.path)
    first = _first_suspect(path)
    trace = trace_of(path, finding.below, first)
    return {
        "signature": signature_of(_holder_names(path)[first], path[first:]),
        "kind": "growth",
        "count": finding.count,
        "bytes": finding.size,
        "title": title_of(path, finding.below, first),
        "trace": trace,
        "created_at": [],
        "measure": finding.measure,
        "gained": finding.gained,
        "since": finding.since,
        "per_minute": round(finding.per_minute, 3),
        "share": finding.share,
        "exclusive": finding.exclusive,
        "why_not": finding.why_not,
    }


def signature_of(holder: str, steps: Iterable[Step]) -> str:
    """
    The signature of a leak: SHA-1 over its suspect edges alone, the same in every run, on every
    host and every Python.

    :param holder: what holds by the first of the edges.
    :param steps: the edges, and the kinds they lead to.
    """
    parts = [holder, *(text for step in steps for text in step)]
    return hashlib.sha1("\0".join(parts).encode(), usedforsecurity=False).hexdigest()


def trace_of(path: Path, below: Path, first: int) -> list[dict[str, Any]]:
    """
    The way from a named root to what grows, and on to what is the program's own in it.

    :param path: the way to what grows, its root a step of its own.
    :param below: the way on.
    :param first: which step of the path is the first suspect.
    """
    holder, trace = path[0].edge, []
    for number, step in enumerate((*path[1:], *below), 1):
        suspect = first <= number < len(path)
        trace.append({"holder": holder, "edge": step.edge, "to": step.kind, "suspect": suspect})
        holder = step.kind.removeprefix(CLASS)
    return trace


def title_of(path: Path, below: Path, first: int) -> str:
    """
    What is held by what: ``app.Message held by app.Room.messages``.

    :param path: the way to what grows, its root a step of its own.
    :param below: the way on.
    :param first: which step of the path is the first suspect.
    """
    what = (*path, *below)[-1].kind
    # What is in a container is said by its kind, and not by "an item of".
    steps = path[first:-1] if path[-1].edge.startswith("[") else path[first:]
    name = _holder_names(path)[first]
    for step in steps:
        name = _join(name, step.edge)
    return f"{what} {name}" if name == _BY_C else f"{what} held by {name}"


def belongs_to_libraries(kind: str) -> bool:
    """
    Whether a kind is not the program's own: one of Python's, of its library, or of Twisted's.

    :param kind: a type's name, for code with the name of the function.
    """
    first, space, _ = kind.removeprefix(CLASS).partition(" ")
    top, dot, _ = first.partition(".")
    if not dot:  # a class of a .tac has no module
        return first in _BUILTIN or (space != "" and not kind.endswith(")"))
    return top in sys.stdlib_module_names or top in _LIBRARIES


def _with_holder(path: Path) -> Path:
    """A path that begins with a holder: a module as it is, and what holds many by its name."""
    root = path[0]
    if len(path) > 1 and root.edge.startswith(_ONE_THING):
        return path
    return (Step(root.edge, ""), Step("[*]", root.kind), *path[1:])


def _first_suspect(path: Path) -> int:
    """Which step to blame first: from the nearest name that the program itself has given."""
    names = _holder_names(path)
    # A module belongs to whom its name says, and the point makes a type's name of it.
    names[1] += "."
    steps = range(len(path) - 1, 0, -1)
    named = [number for number in steps if _is_named(path, number)] or [len(path) - 1]
    own = [
        number
        for number in named
        if len(path) - number <= SUSPECTS and not belongs_to_libraries(names[number])
    ]
    return (own or named)[0]


def _is_named(path: Path, number: int) -> bool:
    # By an edge from one link of a chain to the next nobody holds the chain.
    step, holder = path[number], path[number - 1]
    is_link = step.kind == holder.kind and step.kind not in _BUILTIN
    return not step.edge.startswith("[") and not is_link


def _holder_names(path: Path) -> list[str]:
    """What holds by each step: a kind that says enough, or by what it is held itself."""
    names = ["", _root_name(path[0])]
    for step in path[1:-1]:
        kind = step.kind.removeprefix(CLASS)
        first = kind.partition(" ")[0]
        if kind != step.kind or "." in first or first in _WAITING or not belongs_to_libraries(kind):
            names.append(kind)
        elif step.edge in _GLOBALS:
            names.append(_GLOBAL)
        elif names[-1] == _BY_C:
            names.append(f"{step.kind} {_BY_C}")
        else:
            names.append(_join(names[-1], step.edge))
    return names


def _root_name(root: Step) -> str:
    if root.edge.endswith(_BY_C):
        return _BY_C
    for start in _ONE_THING[:3]:
        root = root._replace(edge=root.edge.removeprefix(start))
    return root.edge


def _join(holder: str, edge: str) -> str:
    if holder == _GLOBAL:
        return f"{_GLOBAL} {edge.removeprefix('.')}"
    if not edge.startswith((".", "[")):
        return f"{edge} of {holder}"
    if " variable '" in holder:
        variable, of, function = holder.partition(" of ")
        return f"{variable}{edge}{of}{function}"
    return f"{holder}{edge}"
