"""The paths of a whole heap: in a forked child, and in the test's own process."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
import types
from collections import Counter
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.real.apart import apart
from tests.real.heap_case import stages_of
from txresource.heap.child import Send
from txresource.heap.fork import Child, fork_child
from txresource.heap.paths import PathRow, decode_paths, encode_paths, path_text
from txresource.heap.typeinfo import name_of
from txresource.heap.whole import GARBAGE, take_heap

testSuite = apart(__name__)


class Message:
    """A line that somebody said."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.text = f"message {number}"


class Room:
    """Keeps every message: the leak."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def say(self, number: int) -> None:
        """Say something."""
        self.messages.append(Message(number))


class Planted:
    """Something to be found."""

    itself: Any = None


def fork_for_paths(given: dict[str, list[Any]]) -> Child:
    """A child that finds the paths to all that this process holds."""

    def job(send: Send, frames: Any) -> None:
        send("paths", encode_paths(take_heap(gc.get_objects(), given, frames).rows))

    return fork_child(job)


def paths_in_child(**given: list[Any]) -> tuple[PathRow, ...]:
    """The paths to all that this process holds."""
    return decode_paths(stages_of(fork_for_paths(given))["paths"])


def to(rows: tuple[PathRow, ...], kind: type) -> dict[str, int]:
    """The paths that end at a kind, with their counts."""
    name = f"{kind.__module__}.{kind.__qualname__}"
    return {path_text(row.path): row.count for row in rows if row.path[-1].kind == name}


class ChildTests(SynchronousTestCase):
    """What the child sees is what the parent holds."""

    def setUp(self) -> None:
        """A program: one module with a global."""
        self.app: Any = types.ModuleType("app")
        sys.modules["app"] = self.app
        self.addCleanup(sys.modules.pop, "app")

    def test_leaking_list(self) -> None:
        """A list that grows in a global is found under the name of its module, with each message."""
        self.app.ROOM = Room()
        for number in range(1000):
            self.app.ROOM.say(number)
        found = to(paths_in_child(), Message)
        where = f"module app .ROOM {__name__}.Room .messages list [*] {__name__}.Message"
        self.assertEqual(found, {where: 1000})

    def test_one_pass(self) -> None:
        """Each root is named, garbage is told from what C holds, and nothing of the parent's dies."""
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        there, go_on = threading.Event(), threading.Event()

        def work() -> None:
            kept = Planted()
            there.set()
            go_on.wait(60)
            del kept

        thread = threading.Thread(target=work)
        thread.start()
        there.wait(60)
        dropped = Planted()
        dropped.itself = dropped
        dropped.folder = tempfile.TemporaryDirectory()  # type: ignore[attr-defined]
        folder = dropped.folder.name  # type: ignore[attr-defined]
        del dropped
        rows = paths_in_child(reading=[Planted()])
        go_on.set()
        thread.join(60)
        name = f"{__name__}.Planted"
        self.assertEqual(
            to(rows, Planted),
            {
                f"frame of {__name__}.work local variable 'kept' {name}": 1,
                f"reading: {name}": 1,
                f"{GARBAGE}: {name}": 1,
            },
        )
        self.assertTrue(os.path.exists(folder))
        self.assertTrue(any(row.path[0].edge == "held by C" for row in rows))
        gc.collect()

    def litter(self) -> None:
        """Drop rings of many kinds; not of generators, which the collector closes first."""
        for number in range(7):
            ring = Planted()
            ring.itself = [ring, {number: ring}, (ring,)]
            vars(Planted())["touched"] = None

            def function(given: Any = ring) -> Any:
                return function, given

            try:
                raise ValueError(ring)
            except ValueError as error:
                ring.error = error  # type: ignore[attr-defined]
                vars(ring)["touched"] = vars(ring)

    def test_garbage(self) -> None:
        """What the child calls garbage is what the collector of the parent finds, kind by kind."""
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        self.litter()
        child = fork_for_paths({})
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        gc.set_debug(0)
        collected = Counter(name_of(type(thing)) for thing in gc.garbage)
        gc.garbage.clear()
        found: Counter[str] = Counter()
        for row in decode_paths(stages_of(child)["paths"]):
            if row.path[0].edge == GARBAGE and len(row.path) == 1:
                found[row.path[0].kind.split(" ")[0]] += row.count
        # From 3.13 on the dictionary of attributes is freed with its owner, and not listed.
        self.assertGreaterEqual(found.pop("dict"), collected.pop("dict"))
        self.assertEqual(found, collected)
        self.assertEqual(found["ValueError"], 7)
        gc.collect()

    def test_whole_heap(self) -> None:
        """Every object that the collector tracks has a place; a deep nest does not change that."""
        nest: Any = None
        for number in range(10_000):
            nest = ([nest], (nest,), {"k": nest})[number * number % 7 % 3]
        self.app.nest = nest
        # These may stand behind attributes and closures, and have then no place of their own.
        behind = {id(kind) for kind in (dict, tuple, types.CellType)}
        there = sum(id(type(each)) not in behind for each in gc.get_objects())
        rows = paths_in_child()
        self.assertGreater(sum(row.count for row in rows if row.path[-1].kind != "str"), there)
        nested = [row for row in rows if row.path[1:2] and row.path[1].edge == ".nest"]
        self.assertEqual(sum(r.count for r in nested if r.path[-1].kind != "str"), 10_000)
        while nest is not None:  # else it is freed by recursion
            nest = nest["k"] if type(nest) is dict else nest[0]
