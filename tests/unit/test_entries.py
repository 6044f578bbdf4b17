"""Entries of the report: what a finding is called, by which way it is held, and what to blame."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txresource.heap.paths import Path, Step
from txresource.leaks.entries import SUSPECTS, belongs_to_libraries, entry_of
from txresource.leaks.growth import Finding


def path(*steps: tuple[str, str]) -> Path:
    """A path of steps."""
    return tuple(Step(edge, kind) for edge, kind in steps)


def finding(*steps: tuple[str, str], per_minute: float = 50.00049, **more: Any) -> Finding:
    """Something that grows at the end of a path."""
    known = {
        "measure": "count",
        "count": 1204,
        "size": 340112,
        "gained": 1000,
        "since": 5.0,
        "seconds": 60_000 / per_minute,
        "below": (),
        "why_not": None,
        "share": 7,
        "exclusive": 3,
    }
    return Finding(path(*steps), **{**known, **more})


def found(*steps: tuple[str, str], **more: Any) -> dict[str, Any]:
    """The entry of what grows at the end of a path."""
    return entry_of(finding(*steps, **more))


APP = ("module app", "module")
ROOM = (APP, (".ROOM", "app.Room"), (".messages", "list"), ("[*]", "app.Message"))


def suspects(entry: dict[str, Any]) -> list[str]:
    """The edges to blame."""
    return [line["edge"] for line in entry["trace"] if line["suspect"]]


class EntryTests(SynchronousTestCase):
    """What stands in an entry."""

    def test_whole(self) -> None:
        """An entry has the keys of the report's form, those of growth, and plain data alone."""
        entry = found(*ROOM)
        self.assertEqual(
            entry,
            {
                "signature": entry["signature"],
                "kind": "growth",
                "count": 1204,
                "bytes": 340112,
                "title": "app.Message held by app.Room.messages",
                "trace": [
                    {"holder": "module app", "edge": ".ROOM", "to": "app.Room", "suspect": False},
                    {"holder": "app.Room", "edge": ".messages", "to": "list", "suspect": True},
                    {"holder": "list", "edge": "[*]", "to": "app.Message", "suspect": True},
                ],
                "created_at": [],
                "measure": "count",
                "gained": 1000,
                "since": 5.0,
                "per_minute": 50.0,
                "share": 7,
                "exclusive": 3,
                "why_not": None,
            },
        )
        self.assertEqual(json.loads(json.dumps(entry)), entry)

    def test_below(self) -> None:
        """What grows leads on to the program's own kind: the title names that, nobody blames it."""
        entry = found(APP, (".CACHE", "dict"), ("[*]", "tuple"), below=path(("[*]", "app.Message")))
        self.assertEqual(entry["title"], "app.Message held by app.CACHE")
        self.assertEqual([line["suspect"] for line in entry["trace"]], [True, True, False])
        self.assertEqual(entry["trace"][-1]["to"], "app.Message")


class BlameTests(SynchronousTestCase):
    """Which edges are suspects, and how the holder is called."""

    def check(self, title: str, blamed: list[str], *steps: tuple[str, str]) -> None:
        """Hold an entry to its title and suspects."""
        entry = found(*steps)
        self.assertEqual(entry["title"], title)
        self.assertEqual(suspects(entry), blamed)

    def test_class(self) -> None:
        """A class that holds is called by its name, and not by how it was reached."""
        steps = (("readers", "twisted.Port"), (".protocol", "class Counter"), (".lines", "list"))
        entry = found(*steps, ("[*]", "Word"))
        self.assertEqual(entry["title"], "Word held by Counter.lines")
        self.assertEqual(suspects(entry), [".lines", "[*]"])
        self.assertEqual(
            [(line["holder"], line["to"]) for line in entry["trace"][1:3]],
            [("twisted.Port", "class Counter"), ("Counter", "list")],
        )
        self.check(
            "str held by twisted.web.Site.known",
            [".known", "[*]"],
            *(("readers", "twisted.Port"), (".site", "class twisted.web.Site")),
            *((".known", "dict"), ("[*]", "str")),
        )

    def test_items_of_items(self) -> None:
        """Containers in a container lead back to the name that the program gave."""
        item = ("[*]", "app.M")
        self.check(
            "app.M held by app.CACHE[*]",
            [".CACHE", "[*]", "[*]"],
            *(APP, (".CACHE", "dict"), ("[*]", "list"), item),
        )
        self.check(
            'app.M held by app.CACHE["a"]',
            [".CACHE", '["a"]', "[*]"],
            *(APP, (".CACHE", "dict"), ('["a"]', "list"), item),
        )

    def test_attribute(self) -> None:
        """What swells in an attribute is held by it."""
        self.check("bytearray held by app.BUFFER", [".BUFFER"], APP, (".BUFFER", "bytearray"))

    def test_class_attribute(self) -> None:
        """A class is called by its name, not by its type's."""
        steps = (APP, (".Room", "type"), (".registry", "list"), ("[*]", "app.M"))
        self.check("app.M held by app.Room.registry", [".registry", "[*]"], *steps)

    def test_tac(self) -> None:
        """A class of a .tac, which has no module, is the program's own."""
        start = ("the timers", "twisted.internet.base.DelayedCall")
        steps = (start, (".func", "method Room.tick"), (".__self__", "Room"))
        held = ((".messages", "list"), ("[*]", "Message"))
        self.check("Message held by Room.messages", [".messages", "[*]"], *steps, *held)

    def test_globals(self) -> None:
        """A global of a .tac is the same whichever function leads to it."""
        table = ((".__globals__", "dict"), (".TABLE", "dict"), ("[*]", "Message"))
        ways = [
            (("the timers", "twisted.internet.base.DelayedCall"), (".func", f"function {name}"))
            for name in ("tick", "tock")
        ]
        for way in ways:
            self.check("Message held by global TABLE", [".TABLE", "[*]"], *way, *table)
        self.assertEqual(*(found(*way, *table)["signature"] for way in ways))

    def test_chain(self) -> None:
        """A chain is blamed on what holds its first link."""
        steps = (APP, (".HEAD", "app.Node"), (".next", "app.Node"))
        self.check("app.Node held by app.HEAD.next", [".HEAD", ".next"], *steps)

    def test_through_a_library(self) -> None:
        """Of a container within an object of Twisted's, the program's own name is blamed, too."""
        deferred = "twisted.internet.defer.Deferred"
        steps = (APP, (".SHARED", deferred), (".callbacks", "list"), ("[*]", "tuple"))
        self.check("tuple held by app.SHARED.callbacks", [".SHARED", ".callbacks", "[*]"], *steps)

    def test_in_a_library(self) -> None:
        """Where the program has named nothing near, the nearest name is blamed."""
        steps = [(f".a{n}", "twisted.A" + "b" * n) for n in range(SUSPECTS)]
        start = ("module twisted.main", "module")
        self.check(
            "app.M held by twisted.Abbb.table", [".table", "[*]"], start, *steps,
            *((".table", "dict"), ("[*]", "app.M")),
        )  # fmt: skip
        self.check(
            "app.M held by twisted.main.table",
            [".table", "[*]"],
            *(start, (".table", "dict"), ("[*]", "app.M")),
        )

    def test_never_far(self) -> None:
        """A name of the program's own that is too far up is not blamed."""
        deep = [(".protocol", "twisted.A"), (".b", "twisted.B"), (".c", "twisted.C")]
        self.check(
            "app.M held by twisted.C.table", [".table", "[*]"], APP, *deep,
            *((".table", "dict"), ("[*]", "app.M")),
        )  # fmt: skip

    def test_variables(self) -> None:
        """Variables are named with the function that has them."""
        item = ("[*]", "app.M")
        self.check(
            "app.M held by closure variable 'seen' of app.handler",
            ["closure variable 'seen'", "[*]"],
            *(APP, (".handler", "function handler"), ("closure variable 'seen'", "list"), item),
        )
        self.check(
            "app.M held by local variable 'x'[*] of app.main",
            ["local variable 'x'", "[*]", "[*]"],
            *(("frame of app.main", "frame main"), ("local variable 'x'", "dict")),
            *(("[*]", "list"), item),
        )
        self.check(
            "app.M held by local variable 'x' of coroutine handle",
            ["local variable 'x'", "[*]"],
            *(("suspended, held by C", "coroutine handle"), ("local variable 'x'", "list"), item),
        )

    def test_roots(self) -> None:
        """What hangs at a root is held by it."""
        delayed = "twisted.internet.base.DelayedCall"
        self.check(f"{delayed} held by the timers", ["[*]"], ("the timers", delayed))
        self.check("coroutine f held by C", ["[*]"], ("suspended, held by C", "coroutine f"))
        self.check("list held by C", ["[*]"], ("held by C", "list"))
        self.check("str held by list held by C", ["[*]"], ("held by C", "list"), ("[*]", "str"))
        self.check(
            "app.M held by context variable 'v'",
            ["[*]"],
            *(("context variable 'v'", "list"), ("[*]", "app.M")),
        )
        self.check("frame f held by app.f", ["[*]"], ("frame of app.f", "frame f"))
        self.check(
            "app.M held by app.table",
            [".table", "[*]"],
            *(("in place of module app", "app.Lazy"), (".table", "dict"), ("[*]", "app.M")),
        )

    def test_libraries(self) -> None:
        """Types of Python, of its library and of Twisted are not the program's own."""
        for kind in (
            "list",
            "function f",
            "coroutine f.g",
            "collections.deque",
            "twisted.web.Site",
        ):
            self.assertTrue(belongs_to_libraries(kind), kind)
        for kind in ("app.Room", "app.x.Room", "app.Cache (bounded)", "Room", "Cache (bounded)"):
            self.assertFalse(belongs_to_libraries(kind), kind)


class SignatureTests(SynchronousTestCase):
    """What makes two leaks one."""

    def test_fixed(self) -> None:
        """The signature is the SHA-1 of the holder and of each suspect's edge and kind, everywhere."""
        parts = ["app.Room", ".messages", "list", "[*]", "app.Message"]
        expected = hashlib.sha1("\0".join(parts).encode()).hexdigest()
        self.assertEqual(found(*ROOM)["signature"], expected)

    def test_way_there(self) -> None:
        """Neither the way to the suspects, nor the way on, nor any number is part of it."""
        one = finding(*ROOM)
        other = replace(
            one,
            path=path(("module main", "module"), (".rooms", "dict"), ("[*]", "app.Room"))
            + path(*ROOM[-2:]),
            below=path((".text", "str")),
            count=1,
            since=9.0,
            measure="size",
        )
        self.assertEqual(entry_of(one)["signature"], entry_of(other)["signature"])

    def test_suspects(self) -> None:
        """Another holder, edge, container or kind is another leak."""
        changed = [
            (ROOM[0], (".ROOM", "app.Hall"), *ROOM[2:]),
            (*ROOM[:2], (".others", "list"), ROOM[3]),
            (*ROOM[:2], (".messages", "set"), ROOM[3]),
            (*ROOM[:3], ("[*]", "app.Other")),
        ]
        signatures = {found(*steps)["signature"] for steps in [ROOM, *changed]}
        self.assertEqual(len(signatures), 5)

    def test_classes(self) -> None:
        """The same attribute of two classes is two."""
        one, other = (
            found(APP, (f".{name}", "type"), (".registry", "list"), ("[*]", "app.M"))
            for name in ("Room", "Hall")
        )
        self.assertNotEqual(one["signature"], other["signature"])
