"""The names of edges, alike on every CPython."""

from __future__ import annotations

import functools
import threading
import weakref
from collections import OrderedDict, defaultdict, deque
from typing import Any

from tests.unit.heap_graphs import EdgeCase, Ran, Thing, edges_of, refuse
from txresource.heap.edges import EdgeReader
from txresource.heap.held import ITEM, KEY, nameable
from txresource.heap.typeinfo import is_weak_container


class Slotted:
    __slots__ = ("_Slotted__private", "first", "second")


class SlottedMore(Slotted):
    __slots__ = ("third",)


class Sibling(Thing):
    __dict__ = property(refuse)  # type: ignore[assignment]


class Namespace(dict[str, Any]):
    items = keys = values = __iter__ = __getitem__ = refuse  # type: ignore[assignment]


class InstanceTests(EdgeCase):
    """Attributes of instances."""

    def test_attributes(self) -> None:
        """The attributes of an instance bear their names, whether its dict was ever asked for."""
        for touch in (False, True):
            one, two = [1], [2]
            thing = Thing.__new__(Thing)
            thing.one, thing.two = one, two  # type: ignore[attr-defined]
            if touch:
                vars(thing)
            self.assertEqual(self.assertEdges(thing), {".one": [one], ".two": [two]})

    def test_again(self) -> None:
        """An attribute that was deleted and set again has its own name, not its neighbour's."""
        thing = Thing(one=[1], two=[2])
        del thing.one
        thing.one = [3]
        self.assertEqual(self.assertEdges(thing), {".one": [[3]], ".two": [[2]]})

    def test_slots(self) -> None:
        """Slots bear their names, those of bases, too; an empty one holds nothing."""
        thing = SlottedMore()
        thing.first, thing.third, thing._Slotted__private = [1], [3], [4]
        expected = {".first": [[1]], ".third": [[3]], "._Slotted__private": [[4]]}
        self.assertEqual(self.assertEdges(thing), expected)

    def test_some_slots(self) -> None:
        """One object with an empty slot does not hide what the others hold there."""
        full, empty = Slotted(), Slotted()
        full.first = [1]
        held = EdgeReader().read(Slotted, [empty, full])
        self.assertEqual(held.named[".first"], [[1]])

    def test_own_dict(self) -> None:
        """A ``__dict__`` that a class defines is never asked; the genuine one is."""
        thing = Sibling.__new__(Sibling)
        thing.one = [1]  # type: ignore[attr-defined]
        self.assertRaises(Ran, vars, thing)
        self.assertEqual(self.assertEdges(thing), {".one": [[1]]})

    def test_dict_subclass(self) -> None:
        """A namespace of a class of its own is read by the methods of dict."""
        thing = Thing()
        thing.__dict__ = Namespace(one=[1])
        self.assertEqual(self.assertEdges(thing), {".one": [[1]]})

    def test_strange_names(self) -> None:
        """What is no text, or no name that fits into a line, is an item."""
        thing = Thing(**{"a\nb": [1], "x" * 99: [2], "": [3]})
        vars(thing)[5] = [4]
        self.assertCountEqual(edges_of(thing)[ITEM], [[1], [2], [3], [4], 5])
        self.assertFalse(any("a" in edge for edge in edges_of(thing)))

    def test_many_names(self) -> None:
        """Attributes by the thousand are data, and not named."""
        self.assertEqual(set(edges_of(Thing(**{f"a{n}": n for n in range(5001)}))), {ITEM})
        self.assertIn(".a1", edges_of(Thing(**{f"a{n}": n for n in range(5000)})))

    def test_exception(self) -> None:
        """An exception holds its arguments, its traceback and what it came from by name."""
        try:
            try:
                raise KeyError([1])
            except KeyError as error:
                raise ValueError([2]) from error
        except ValueError as error:
            found = self.assertEdges(error)
            traceback = error.__traceback__
        names = [".__cause__", ".__context__", ".__traceback__", ".args"]
        self.assertEqual(sorted(found), names)
        self.assertEqual(found[".args"], [([2],)])
        self.assertEqual(list(edges_of(traceback)), [".tb_frame", ".tb_next"])

    def test_thread_local(self) -> None:
        """Thread-local attributes bear their names, of all threads, and no ``__init__`` is run."""
        made: list[int] = []

        class Local(threading.local):
            def __init__(self) -> None:
                made.append(1)

        local, done, go_on = Local(), threading.Event(), threading.Event()

        def work() -> None:
            local.theirs = [1]
            done.set()
            go_on.wait(30)

        thread = threading.Thread(target=work)
        thread.start()
        done.wait(30)
        local.ours = [2]
        before = len(made)
        found = edges_of(local)
        go_on.set()
        thread.join(30)
        self.assertEqual((found[".ours"], found[".theirs"]), ([[2]], [[1]]))
        self.assertEqual(len(made), before)
        untouched = Local()
        threading.Thread(target=edges_of, args=(untouched,)).run()
        self.assertEqual(len(made), before + 1)


class ContainerTests(EdgeCase):
    """Items and keys."""

    def test_items(self) -> None:
        """What a container holds is an item, whichever it is."""
        thing = Thing()
        for container in ([thing], (thing,), {thing}, frozenset([thing]), deque([thing])):
            held = EdgeReader().read(type(container), [container])
            self.assertTrue(any(each is thing for each in held.items), type(container))

    def test_keys(self) -> None:
        """A mapping's keys are not shown; they are held by an edge of their own."""
        for kind in (dict, OrderedDict, Namespace, functools.partial(defaultdict, list)):
            found = edges_of(kind({"secret": [1]}))
            self.assertEqual((found[ITEM], found[KEY]), ([[1]], ["secret"]))
            self.assertFalse(any("secret" in edge for edge in found))

    def test_constants(self) -> None:
        """A mapping whose keys all stand in loaded code is a record: its keys are names."""
        known = frozenset(("name", "tags"))
        found = edges_of({"name": 1, "tags": [2]}, known)
        self.assertEqual(found, {'["name"]': [1], '["tags"]': [[2]], KEY: ["name", "tags"]})
        for data in ({"name": 1, "other": 2}, {"name": 1, 5: 2}, {}):
            self.assertLessEqual(set(edges_of(data, known)), {ITEM, KEY})
        many = {f"k{n}": n for n in range(33)}
        self.assertEqual(set(edges_of(many, frozenset(many))), {ITEM, KEY})

    def test_hostile_keys(self) -> None:
        """Keys that raise when they are hashed or compared are read like others."""
        armed: list[int] = []

        class Key(str):
            def __hash__(self) -> int:
                return refuse() if armed else str.__hash__(self)  # type: ignore[no-any-return]

            __eq__ = __hash__  # type: ignore[assignment]

        class Number:
            def __hash__(self) -> int:
                return refuse() if armed else 1  # type: ignore[no-any-return]

            __eq__ = __hash__  # type: ignore[assignment]

        mapping, thing = {Key("a"): [1], Number(): [2]}, Thing()
        vars(thing)[Key("b")] = [3]
        held_set = {Number(), Key("c")}
        armed.append(1)
        self.assertEqual(edges_of(mapping, frozenset("ab"))[ITEM], [[1], [2]])
        self.assertEqual(len(edges_of(thing)[ITEM]), 2)
        self.assertEqual(len(EdgeReader().read(set, [held_set]).items), 2)

    def test_weak(self) -> None:
        """A weak reference leads nowhere but to its callback; weak containers are known as such."""
        thing = Thing()
        self.assertEqual(self.assertEdges(weakref.ref(thing)), {})
        self.assertNotIn(
            id(thing), map(id, EdgeReader().read(weakref.ref, [weakref.ref(thing)]).items)
        )
        for kind in (weakref.WeakSet, weakref.WeakKeyDictionary, weakref.WeakValueDictionary):
            self.assertTrue(is_weak_container(kind))
        self.assertFalse(is_weak_container(dict))

    def test_computed(self) -> None:
        """A number that C makes when it is asked is not taken for one that is there."""
        found = edges_of(slice([1], 2, None))
        self.assertEqual(found[".start"], [[1]])
        self.assertNotIn(ITEM, found)
        self.assertEqual(
            edges_of(functools.partial(print)).keys() & {".__vectorcalloffset__"}, set()
        )

    def test_leaf(self) -> None:
        """What cannot hold anything holds nothing."""
        self.assertEqual(edges_of(1), {})

    def test_nameable(self) -> None:
        """A name is a short exact string of one line."""
        for name, verdict in [("a" * 60, True), ("a" * 61, False), ("", False), ("a\n", False)]:
            self.assertEqual(nameable(name), verdict)
        self.assertFalse(nameable(type("S", (str,), {})("a")))
        self.assertFalse(nameable(5))
