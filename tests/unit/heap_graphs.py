"""What the tests of the heap's paths share: small graphs, and a look that stops at their classes."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txresource.heap.edges import EdgeReader
from txresource.heap.held import Held
from txresource.heap.kinds import Kinds
from txresource.heap.paths import PathRow, path_text
from txresource.heap.pathtree import PathTree
from txresource.heap.roots import Root

#: Edges that lead from every graph to the whole program.
OUTWARD = (".__class__", ".__globals__", ".__builtins__", ".f_globals", ".f_back", ".__mro__")


class Ran(BaseException):
    """Some code of an object was run."""


def refuse(*args: Any) -> Any:
    """Stand in for a method that must not be called."""
    raise Ran


class Thing:
    """Holds others by attributes."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)

    def method(self) -> None:
        """Be bound."""


class NearReader(EdgeReader):
    """Reads edges like any, but for those that lead out of a graph."""

    def read(self, tp: type, things: Sequence[Any], edge: str = "") -> Held:
        """What objects hold in the graph."""
        held = super().read(tp, things, edge)
        outside = {id(value) for name in OUTWARD for value in held.named.pop(name, ())}
        held.items = [
            each
            for each in held.items
            if id(each) not in outside and not issubclass(type(each), type)
        ]
        return held


def edges_of(thing: Any, constants: frozenset[str] = frozenset()) -> dict[str, list[Any]]:
    """What a thing holds by edges that have a name, without those that lead out."""
    held = NearReader(constants).read(type(thing), [thing])
    return {edge: values for edge, values in sorted(held.named.items()) if values}


def rows_of(
    *roots: Any, name: str = "root", constants: frozenset[str] = frozenset()
) -> tuple[PathRow, ...]:
    """The rows of a graph."""
    tree = PathTree(NearReader(constants))
    tree.grow([Root(name, roots)])
    return tree.rows()


def texts(rows: Sequence[PathRow], module: str) -> dict[str, int]:
    """Counts by path, without the name of the tests' own module, and without leaves."""
    found = {path_text(row.path).replace(f"{module}.", ""): row.count for row in rows}
    plain = (" int", " str", " NoneType", " bool")
    return {text: count for text, count in found.items() if not text.endswith(plain)}


def kind_of(thing: Any) -> str:
    """The name of a thing's kind."""
    return Kinds().sort([thing])[0][0]


class EdgeCase(SynchronousTestCase):
    """Compares edges."""

    def assertEdges(self, thing: Any, **constants: Any) -> Any:
        """Return edges without those that do not matter: texts, and what nobody set."""
        found = edges_of(thing, **constants)
        return {
            edge: values
            for edge, values in found.items()
            if not all(type(value) in (str, type(None), types.CodeType) for value in values)
        }
