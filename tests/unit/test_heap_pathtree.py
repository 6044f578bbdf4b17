"""The tree of shortest paths, over small graphs made by hand; the names are those of every CPython."""

from __future__ import annotations

import abc
import builtins
import gc
import inspect
import json
import sys
import types
import weakref
from collections.abc import Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.heap_graphs import NearReader, refuse, rows_of, texts
from txresource.heap.kinds import Kinds
from txresource.heap.paths import count_kinds, encode_paths, path_text
from txresource.heap.pathtree import PathTree
from txresource.heap.roots import Root


class Room:
    """Holds messages."""

    def __init__(self) -> None:
        self.messages: list[Any] = []


class Message:
    __slots__ = ("next", "tags", "text")


class Link:
    """Holds the next one, and children."""

    def __init__(self, other: Any = None) -> None:
        self.next = other


class HostileMeta(type):
    __hash__ = __eq__ = __getattribute__ = refuse  # type: ignore[assignment]
    __instancecheck__ = __subclasscheck__ = mro_entries = refuse


class Hostile(metaclass=HostileMeta):
    """An object that raises whatever is done to it."""

    __hash__ = __eq__ = __sizeof__ = __getattribute__ = __repr__ = refuse  # type: ignore[assignment]
    __bool__ = __len__ = __iter__ = refuse
    __class__ = property(refuse)  # type: ignore[assignment]
    __dict__ = property(refuse)  # type: ignore[assignment]


def message(*tags: Any) -> Message:
    """A message with tags."""
    made = Message()
    made.tags, made.text = list(tags), f"text {len(tags)}"
    return made


class PathTreeTests(SynchronousTestCase):
    """What is reached by which path."""

    def paths(self, *roots: Any, **kw: Any) -> dict[str, int]:
        """Counts by path, without leaves."""
        return texts(rows_of(*roots, **kw), __name__)

    def test_list(self) -> None:
        """Objects in a list are one node, and what each of them holds another."""
        room = Room()
        room.messages += [message() for _ in range(5)]
        found = self.paths(room)
        self.assertEqual(
            found,
            {
                "root: Room": 1,
                "root: Room .messages list": 1,
                "root: Room .messages list [*] Message": 5,
                "root: Room .messages list [*] Message .tags list": 5,
            },
        )

    def test_leaves(self) -> None:
        """Texts and numbers are counted where they hang, each once, with their bytes."""
        text = "x" * 1000 + self.id()
        rows = [row for row in rows_of([text, text, 2**70]) if len(row.path) == 2]
        found = {row.path[-1].kind: (row.count, row.size) for row in rows}
        self.assertEqual(found, {"str": (1, text.__sizeof__()), "int": (1, (2**70).__sizeof__())})

    def test_bytes(self) -> None:
        """The bytes of a node are those of its objects alone."""
        lists: list[list[int]] = [[], []]
        rows = {row.path[-1].edge: row for row in rows_of(lists)}
        self.assertEqual(rows["[*]"].size, sum(gc_size(each) for each in lists))

    def test_shortest(self) -> None:
        """What two paths reach belongs to the shorter one, whichever is met first."""
        shared = message()
        near, far = Link(), Link()
        near.next = shared
        far.next = Link(Link(shared))
        for roots in ((near, far), (far, near)):
            found = self.paths(*roots)
            self.assertEqual(found["root: Link .next Message"], 1)
            self.assertFalse(any("Link .next Link .next Message" in text for text in found))

    def test_tie(self) -> None:
        """Of two paths equally short it is the one first by name, whatever the order of making."""
        for names in ("ab", "ba"):
            shared, link = message(), Link()
            del link.next
            for name in names:
                setattr(link, name, shared)
            self.assertIn("root: Link .a Message", self.paths(link))
            found = self.paths(*[{name: [shared]} for name in names], constants=frozenset("ab"))
            self.assertIn('root: dict ["a"] list [*] Message', found)

    def test_tie_of_objects(self) -> None:
        """Names decide over the order of objects, too: one holds it as b, a later one as a."""
        shared, first, second = message(), Link(), Link()
        first.b, second.a = shared, shared  # type: ignore[attr-defined]
        self.assertIn("root: Link .a Message", self.paths(first, second))

    def test_named_before_item(self) -> None:
        """What has a name in its holder is not an item of it."""

        class Row(list[Any]):
            pass

        row = Row()
        row.x = message()  # type: ignore[attr-defined]
        row.append(row.x)  # type: ignore[attr-defined]
        found = self.paths(row)
        self.assertTrue(any(text.endswith("Row .x Message") for text in found))
        self.assertFalse(any("[*]" in text for text in found))

    def test_linked_list(self) -> None:
        """A linked list is one node, and so is a list of lists of lists."""
        chain = None
        for _ in range(300):
            chain = Link(chain)
        self.assertEqual(self.paths(chain), {"root: Link": 1, "root: Link .next Link": 299})
        nest: list[Any] = []
        for _ in range(300):
            nest = [nest]
        self.assertEqual(self.paths(nest), {"root: list": 1, "root: list [*] list": 300})

    def test_tree(self) -> None:
        """A tree of objects in lists comes down to one round of its steps."""

        def tree(depth: int) -> Room:
            made = Room()
            made.messages += [tree(depth - 1) for _ in range(2 if depth else 0)]
            return made

        found = self.paths(Link(tree(5)))
        twice = "root: Link .next Room .messages list [*] Room"
        self.assertEqual(found[twice], 62)
        self.assertEqual(found[f"{twice} .messages list"], 62)
        self.assertEqual(sum(found.values()), 1 + 63 * 2)
        self.assertEqual(len(found), 5)

    def test_deep_nest(self) -> None:
        """Thousands of levels without any period end in a bounded number of nodes."""
        nest: Any = None
        state = 1
        for _ in range(3_000):
            state = state * 48271 % 2147483647
            nest = ([nest], (nest,), {"k": nest}, Link(nest))[state % 4]
        rows = rows_of(nest)
        self.assertLess(len(rows), 2000)
        self.assertEqual(sum(row.count for row in rows if row.path[-1].kind != "str"), 3_000 + 1)
        while type(nest) is not type(None):  # else it is freed by recursion
            nest = vars(nest)["next"] if type(nest) is Link else next(iter_values(nest))

    def test_coroutines(self) -> None:
        """Suspended coroutines are told apart by their code, and show their variables."""

        async def pump(source: Any) -> None:
            await source

        async def drip(source: Any) -> None:
            await source

        class Source:
            def __await__(self) -> Iterator[None]:
                yield

        running = [each(Source()) for each in (pump, pump, drip)]
        for each in running:
            each.send(None)
            self.addCleanup(each.close)
        rows = rows_of(running)
        self.assertIn(f" {__name__}.PathTreeTests.", rows[1].path[-1].kind)
        found = texts(rows, __name__)
        where = "PathTreeTests.test_coroutines.<locals>."
        step = f"root: list [*] coroutine {where}pump"
        self.assertEqual(found[step], 2)
        self.assertEqual(found[f"{step} local variable 'source' {where}Source"], 2)

    def test_closure(self) -> None:
        """What a callback keeps alive is shown by the variable of its closure."""

        def callback_for(request: Any) -> Any:
            return lambda result: request

        deferred: Deferred[Any] = Deferred()
        deferred.addCallback(callback_for(message()))
        texts = list(self.paths(deferred))
        self.assertTrue(any(text.endswith("closure variable 'request' Message") for text in texts))
        self.assertFalse(any("cell" in text for text in texts))

    def test_weak(self) -> None:
        """What only a weak reference leads to is not reached."""
        kept = Link()
        values: Any = weakref.WeakValueDictionary({1: kept})
        self.assertFalse(
            any(text.endswith("Link") for text in self.paths(values, weakref.ref(kept)))
        )

    def test_weak_keys(self) -> None:
        """A value of a weak dictionary belongs to any other path, however long, before that one."""
        key, value = Link(), message()
        weak: Any = weakref.WeakKeyDictionary({key: value})
        far = Link(Link(Link({"far": [[[value]]]})))
        found = [text for text in self.paths(weak, far) if text.endswith("Message")]
        self.assertEqual(len(found), 1)
        self.assertNotIn("WeakKeyDictionary", found[0])
        alone = [text for text in self.paths(weak) if text.endswith("Message")]
        self.assertEqual(alone, ["root: weakref.WeakKeyDictionary .data dict [*] Message"])

    def test_roots_in_turn(self) -> None:
        """What an earlier root reaches is not reached again by a later one."""
        shared = message()
        tree = PathTree(NearReader())
        others = [Link(), Room()]
        tree.grow([Root("one", [shared]), Root("two", [shared, others[0]])])
        tree.grow([Root("three", [shared, others[1]])])
        found = [(row.path[0].edge, row.count) for row in tree.rows() if len(row.path) == 1]
        self.assertEqual(found, [("one", 1), ("three", 1), ("two", 1)])
        self.assertEqual(tree.unreached([shared, found]), [found])

    def test_one_name(self) -> None:
        """Types that bear the same name share a node, and all their objects are walked on."""
        twins = [type("Twin", (), {"__module__": __name__}) for _ in range(3)]
        made: list[Any] = [twin() for twin in twins]
        for each in made:
            each.tags = [message()]
        found = self.paths(made)
        self.assertEqual(found["root: list [*] Twin"], 3)
        self.assertEqual(found["root: list [*] Twin .tags list [*] Message"], 3)

    def test_definitions(self) -> None:
        """Small texts, numbers and plain functions are part of the bytes of who defines them."""
        app = types.ModuleType("app")
        code = """
            LIMIT = 5
            def plain(x: int = LIMIT) -> int: return x
            def keeps(x=[]): return x
            class Kind:
                names = "a", "b"
                def method(self): return self
                value = property(method)
                made = classmethod(method)
        """
        exec(inspect.cleandoc("\n" + code), vars(app))
        tree = PathTree(NearReader())
        tree.grow([Root("module app", [app]), Root("module builtins", [builtins])])
        rows = [row for row in tree.rows() if row.path[0].edge == "module app"]
        self.assertEqual(
            [path_text(row.path) for row in rows],
            [
                "module app",
                "module app .Kind class app.Kind",
                "module app .keeps function keeps",
                "module app .keeps function keeps .__defaults__ tuple",
                "module app .keeps function keeps .__defaults__ tuple [*] list",
            ],
        )
        self.assertGreater(rows[1].size, sys.getsizeof(app.Kind) + 2 * sys.getsizeof(app.plain))

    def test_classes(self) -> None:
        """What holds a class by a name leads to it by its name, whatever made it; of the many in a
        container, and at a root, the kind is told alone, so that they are counted."""
        abstract = abc.ABCMeta("Abstract", (), {"__module__": "app", "kept": [message()]})
        found = texts(rows_of(Link(abstract)), __name__)
        self.assertEqual(found["root: Link .next class app.Abstract"], 1)
        self.assertEqual(found["root: Link .next class app.Abstract .kept list [*] Message"], 1)
        self.assertIn("root: abc.ABCMeta", texts(rows_of(abstract), __name__))
        made = [type(f"Made{n}", (), {"__module__": "app"}) for n in (2, 1)]
        for named, names in ((False, ["type"]), (True, ["class app.Made1", "class app.Made2"])):
            self.assertEqual([name for name, _, _ in Kinds().sort(made, named)], names)

    def test_parts_once(self) -> None:
        """A function that has closed over itself is counted once, beside one that is no part."""
        app = types.ModuleType("app")
        code = """
            def make(): return (again := lambda: again)
            class Kind:
                again = make()
                def keeps(self, x=[]): return x
        """
        exec(inspect.cleandoc("\n" + code), vars(app))
        counts = []
        for _ in range(2):
            tree = PathTree(NearReader())
            tree.grow([Root("module builtins", [builtins]), Root("module app", [app])])
            counts += [r.count for r in tree.kinds.census(0).rows if r.type_name == "function"]
            app.Kind.again = None
        self.assertEqual(counts[0] - counts[1], 1)

    def test_more_than_parts(self) -> None:
        """What may grow has a place of its own: long texts, lists, and functions that keep any."""

        def caches(x: Any = {}) -> Any:  # noqa: B006
            return x

        def counts() -> None:
            """Keep something."""

        counts.calls = [message()]  # type: ignore[attr-defined]
        kept = {"text": "x" * 1000 + self.id(), "kept": [1], "caches": caches, "counts": counts}
        found = texts(rows_of(type("Kind", (), kept)), __name__)
        where = "PathTreeTests.test_more_than_parts.<locals>."
        for path in [
            ".kept list",
            f".caches function {where}caches .__defaults__ tuple [*] dict",
            f".counts function {where}counts .calls list [*] Message",
        ]:
            self.assertIn(f"root: type {path}", found)
        self.assertTrue(any(row.path[-1].edge == ".text" for row in rows_of(type("K", (), kept))))

    def test_totals(self) -> None:
        """The bytes of all paths are those of the census, and none of the objects is left out."""
        made = [Link(message(5)), Room(), {1: (2, "x")}, Room().__init__]
        tree = PathTree(NearReader())
        tree.grow([Root("root", made)])
        census = tree.kinds.census(0)
        self.assertEqual(sum(row.size for row in tree.rows()), census.size)
        found = {row.type_name: row.count for row in census.rows}
        self.assertEqual(found[f"{__name__}.Link"], 1)
        self.assertEqual(found[f"{__name__}.Message"], 1)

    def test_hostile(self) -> None:
        """Objects that raise at every touch are counted and walked like others, and never touched."""
        made: list[Any] = [type.__call__(Hostile) for _ in range(2)]
        object.__setattr__(made[0], "kept", message())
        found = self.paths(made)
        self.assertEqual(found["root: list [*] Hostile"], 2)
        # A class that defines __dict__ itself, with none above it, has no other to read by.
        self.assertEqual([found[text] for text in found if text.endswith("Message")], [1])

    def test_dead_proxy(self) -> None:
        """A proxy whose object is gone is an object like others."""
        found = self.paths([weakref.proxy(Link())])
        self.assertEqual(len(found), 2)

    def test_secret(self) -> None:
        """Neither a value nor a key nor a text of the program is in what is sent."""
        secret = "".join(["hun", "ter", "2"])

        class Card:
            def __repr__(self) -> str:
                return secret

        card = Card()
        card.number = secret  # type: ignore[attr-defined]
        mapping: Any = {secret: card, "name": {secret: [secret]}, (secret,): {secret}}
        rows = rows_of(mapping, [secret], constants=frozenset(["name"]))
        self.assertNotIn(secret, json.dumps(encode_paths(rows)))
        self.assertGreater(count_kinds(rows)["str"][0], 0)


def gc_size(thing: Any) -> int:
    """Bytes of a list with what stands in front of it."""
    return sys.getsizeof(thing)


def iter_values(container: Any) -> Iterator[Any]:
    """The values of a list, tuple or dict."""
    return iter(container.values() if type(container) is dict else container)


class CollectorTests(SynchronousTestCase):
    """The collector and the pass."""

    def test_no_collection(self) -> None:
        """Growing a tree starts no collection of its own."""
        runs = gc.get_stats()[2]["collections"]
        gc.disable()
        try:
            rows_of(Room())
        finally:
            gc.enable()
        self.assertEqual(gc.get_stats()[2]["collections"], runs)
