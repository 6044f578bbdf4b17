"""One program of many shapes, whose paths are the same on every CPython."""

from __future__ import annotations

import contextvars
import functools
import threading
import types
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterator
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.heap_graphs import rows_of, texts


class Node:
    """What is looked for."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)

    def method(self) -> None:
        """Be bound."""


class Slotted:
    __slots__ = ("a", "b")


class Error(Exception):
    """Is raised."""


class Items(list[Any]):
    """A list with attributes."""


class Local(threading.local):
    """Differs from thread to thread."""


class Wait:
    """Is waited for, and never comes."""

    def __await__(self) -> Iterator[Any]:
        yield self


def generator(given: Any) -> Iterator[Any]:
    """Be suspended."""
    yield given


async def coroutine(wait: Wait) -> Any:
    """Be suspended, with a variable."""
    held = Node()
    await wait
    return held


def caught() -> ValueError:
    """An error that came from another one."""
    try:
        try:
            raise Error(Node())
        except Error as error:
            raise ValueError from error
    except ValueError as error:
        return error


def objects(app: Any) -> None:
    """Plain objects in plain places."""
    app.root = Node(items=[Node() for _ in range(10)], table={n: Node() for n in range(5)})
    app.root.items[0].peer = app.root.items[1]
    app.slots = Slotted()
    app.slots.a, app.slots.b = [Node()], (Node(),)
    app.chain = None
    for _ in range(50):
        app.chain = Node(next=app.chain)
    app.touched = Node(a=None)
    vars(app.touched)
    app.touched.late = Node()
    del app.touched.a
    app.touched.a = Node()
    app.items = Items([Node()])
    app.items.attribute = Node()


def containers(app: Any) -> None:
    """Containers of the standard library."""
    app.default = defaultdict(list, {1: [Node()]})
    app.ordered = OrderedDict(x=Node())
    app.queue = deque([Node()])
    app.iterator = iter([Node()])
    app.cached = functools.lru_cache(lambda number: Node())
    app.cached(1), app.cached(2)
    app.weak_keys = weakref.WeakKeyDictionary({app.root: Node()})
    app.weak_values = weakref.WeakValueDictionary({1: app.root})


def code(app: Any) -> None:
    """What runs, is suspended, or will be called."""
    app.generator = generator(Node())
    next(app.generator)
    app.coroutine = coroutine(Wait())
    app.coroutine.send(None)
    app.partial = functools.partial(print, Node(), end=Node())
    app.closure = (lambda inner: lambda: inner)(Node())
    app.default_value = lambda value=Node(): value  # noqa: B008
    app.methods = [Node().method]
    app.local = Local()
    app.local.thing = Node()
    app.context = contextvars.Context()
    app.context.run(contextvars.ContextVar("variable").set, Node())
    app.error = caught()


EXPECTED = {
    "chain Node": 1,
    "chain Node .next Node": 49,
    "closure function code.<locals>.<lambda>.<locals>.<lambda> closure variable 'inner' Node": 1,
    "cached functools._lru_cache_wrapper (bounded) [*] Node": 2,
    "context _contextvars.Context context variable 'variable' Node": 1,
    "coroutine coroutine coroutine local variable 'held' Node": 1,
    "default collections.defaultdict [*] list [*] Node": 1,
    "default_value function code.<locals>.<lambda> .__defaults__ tuple [*] Node": 1,
    "error ValueError .__cause__ Error .args tuple [*] Node": 1,
    "generator generator generator local variable 'given' Node": 1,
    "items Items .attribute Node": 1,
    "items Items [*] Node": 1,
    "iterator list_iterator [*] list [*] Node": 1,
    "local Local .thing Node": 1,
    "methods list [*] method Node.method .__self__ Node": 1,
    "ordered collections.OrderedDict [*] Node": 1,
    "partial functools.partial .args tuple [*] Node": 1,
    "partial functools.partial .keywords dict [*] Node": 1,
    "queue collections.deque [*] Node": 1,
    "root Node": 1,
    "root Node .items list [*] Node": 10,
    "root Node .table dict [*] Node": 5,
    "slots Slotted .a list [*] Node": 1,
    "slots Slotted .b tuple [*] Node": 1,
    "touched Node": 1,
    "touched Node .a Node": 1,
    "touched Node .late Node": 1,
    "weak_keys weakref.WeakKeyDictionary .data dict [*] Node": 1,
}


class AlikeTests(SynchronousTestCase):
    """The same table on each interpreter."""

    def test_table(self) -> None:
        """Every object is found once, at the one path that stands in the table."""
        app = types.ModuleType("app")
        for fill in (objects, containers, code):
            fill(app)
        found = texts(rows_of(app, name="module app"), __name__)
        expected = {f"module app .{text}": count for text, count in EXPECTED.items()}
        self.assertEqual({t: n for t, n in found.items() if t.split()[-1] == "Node"}, expected)
