"""Programs whose objects raise, loop and lie, looked at by a real child."""

from __future__ import annotations

import json
import sys
import threading
import types
import weakref
import zlib
from collections import deque
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.real.apart import apart
from txresource.heap.paths import path_text
from txresource.leaks.snapshots import Snapshot, SnapshotTaker

testSuite = apart(__name__)

SECRET = "-".join(["hunter", "two", str(len("secret"))])


def forever(*args: Any) -> Any:
    """Never return."""
    while True:
        pass


def refuse(*args: Any) -> Any:
    """Raise what no handler of errors catches."""
    raise KeyboardInterrupt(SECRET)


class LyingMeta(type):
    """Says of its classes what is not so, or does not answer."""

    __hash__ = __eq__ = __getattribute__ = __repr__ = refuse  # type: ignore[assignment]
    __instancecheck__ = __subclasscheck__ = refuse


class Loops(metaclass=LyingMeta):
    """Never answers."""

    __sizeof__ = __eq__ = __hash__ = __getattribute__ = __repr__ = forever  # type: ignore[assignment]
    __len__ = __iter__ = __bool__ = forever
    __class__ = property(forever)  # type: ignore[assignment]


class Raises(metaclass=LyingMeta):
    """Raises whatever is asked."""

    __slots__ = ("__weakref__", "held")
    __sizeof__ = __eq__ = __hash__ = __getattribute__ = __repr__ = refuse  # type: ignore[assignment]
    __len__ = __iter__ = __bool__ = refuse
    __class__ = __dict__ = property(refuse)  # type: ignore[assignment]


class Lies(dict[Any, Any]):
    """Is an empty string of a negative size."""

    __class__ = str  # type: ignore[assignment]

    def __sizeof__(self) -> int:
        return -(2**70)

    def __len__(self) -> int:
        return -5

    def items(self) -> Any:
        raise KeyboardInterrupt

    values = keys = __iter__ = items


class Text(str):
    """A name that pretends to be another."""

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        raise KeyboardInterrupt


class HostileTests(TestCase):
    """Whatever a program keeps, the snapshot is taken, and says nothing of its data."""

    # The children of snapshots run when nobody else wants to, and beside these tests others run.
    timeout = 240

    def setUp(self) -> None:
        """A program: one module."""
        self.app: Any = types.ModuleType("app")
        sys.modules["app"] = self.app
        self.addCleanup(sys.modules.pop, "app")

    async def snapshot(self) -> tuple[Snapshot, dict[str, int]]:
        """A snapshot, and the counts of the paths below the module."""
        taker = SnapshotTaker(reactor)
        snapshot = await taker.take()
        self.assertTrue(taker._history.encoded)
        self.history = taker._history.encoded
        self.assertEqual(snapshot.verdict["snapshots"], 1)
        rows = {path_text(row.path): row.count for row in snapshot.heap.rows}
        name = f"{__name__}."
        return snapshot, {
            text.removeprefix("module app ").replace(name, ""): count
            for text, count in rows.items()
            if text.startswith("module app ")
        }

    async def test_hostile(self) -> None:
        """Objects that raise, never answer, or lie are counted, and what they hold is found."""
        self.app.loops = [type.__call__(Loops) for _ in range(3)]
        self.app.raises = [type.__call__(Raises) for _ in range(2)]
        self.app.lies = [Lies({n: [n]}) for n in range(4)]
        vars(self.app)[Text("name")] = [7]
        self.app.kinds = [type("Kind", (), {}) for _ in range(5)]
        for kind in self.app.kinds:
            kind.__module__ = kind.__qualname__ = "x\n" + SECRET
        _, found = await self.snapshot()
        self.assertEqual(found[".loops list [*] Loops"], 3)
        self.assertEqual(found[".raises list [*] Raises"], 2)
        self.assertEqual(found[".lies list [*] Lies"], 4)
        self.assertEqual(found[".lies list [*] Lies [*] list"], 4)
        self.assertEqual(found[".kinds list [*] type"], 5)

    async def test_dead(self) -> None:
        """Proxies of what is gone, and references to it, are objects like others."""
        self.app.proxies = [weakref.proxy(Text("x")) for _ in range(3)]
        self.app.references = [weakref.ref(Text("x")) for _ in range(3)]
        _, found = await self.snapshot()
        self.assertEqual(found[".proxies list [*] weakref.ProxyType"], 3)
        self.assertEqual(found[".references list"], 1)

    async def test_large_and_deep(self) -> None:
        """A dictionary of a million keys and a nest of ten thousand levels are no trouble."""
        self.app.large = dict.fromkeys(range(10**6))
        nest: Any = None
        for number in range(10_000):
            nest = ([nest], (nest,), {"k": nest}, deque([nest]))[number * number % 11 % 4]
        self.app.deep = nest
        _, found = await self.snapshot()
        self.assertGreater(found[".large dict [key] int"], 900_000)
        deep = sum(n for text, n in found.items() if text.startswith(".deep") and "str" not in text)
        self.assertEqual(deep, 10_000)
        while nest is not None:  # else it is freed by recursion
            nest = nest["k"] if type(nest) is dict else nest[0]

    async def test_under_construction(self) -> None:
        """Threads that make classes and objects all the time are met in the middle of it."""

        def make(stop: threading.Event) -> None:
            while not stop.is_set():
                kind = type("Made", (Lies,), {"__slots__": ("a",), "x": property(refuse)})
                self.app.made = [kind({1: [kind]}) for _ in range(10)]

        for _ in range(3):
            stop, taker = threading.Event(), SnapshotTaker(reactor)
            threads = [threading.Thread(target=make, args=[stop]) for _ in range(3)]
            for thread in threads:
                thread.start()
            wanted = taker.take()
            while taker._current is None:
                await deferLater(reactor, 0.001)
            # The child is there. It runs when nobody else wants to, so let it.
            stop.set()
            for thread in threads:
                thread.join(60)
            snapshot = await wanted
            self.assertIn(
                "Made", {row.type_name.rpartition(".")[2] for row in snapshot.census.rows}
            )

    async def test_secret(self) -> None:
        """No value, key or text of the program is in any stage of a child."""
        self.app.accounts = {SECRET: [SECRET], ("x", SECRET): {SECRET}}
        self.app.card = Lies(number=SECRET)
        self.app.card.number = [SECRET.encode()]
        grown: list[Any] = []
        self.app.grown = grown
        taker = SnapshotTaker(reactor)
        seen: list[bytes] = []
        for _ in range(6):
            grown += [{SECRET + str(n): SECRET} for n in range(300)]
            snapshot = await taker.take()
            seen += [snapshot.encoded, taker._history.encoded]
            seen.append(json.dumps(dict(snapshot.verdict)).encode())
        self.assertTrue(snapshot.verdict["growing"])
        for each in seen:
            for data in (each, unpacked(each)):
                self.assertNotIn(SECRET.encode(), data)


def unpacked(data: bytes) -> bytes:
    """What compressed bytes hold, by whatever tool they were compressed."""
    try:
        return zlib.decompressobj(32 + zlib.MAX_WBITS).decompress(data)
    except zlib.error:
        return data
