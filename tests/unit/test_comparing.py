"""The table of what has changed: made where the look is made, and only on request."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txresource.heap.census import Census, Row
from txresource.leaks.comparing import ComparingLook
from txresource.leaks.frozen import FrozenHeap, encode_heap


def encoded(count: int) -> bytes:
    """A snapshot of so many objects."""
    census = Census((Row("app.Echo", count, 10 * count),), count, 10 * count, count, True)
    return encode_heap(FrozenHeap(0.0, 1, None, 1, count, count, 10 * count, (), census))


def look(errand: Any, send: Any, frames: Any) -> None:
    """What a child does, in brief."""
    send("snapshot", encoded(5))
    send("verdict", {"objects": 5})
    send("history", b"h")


class ComparingTests(SynchronousTestCase):
    """What is sent."""

    def sent(self, before: bytes | None) -> list[tuple[str, Any]]:
        """The stages of a child."""
        found: list[tuple[str, Any]] = []
        comparing = ComparingLook(look)
        comparing.before = before
        comparing(None, lambda *stage: found.append(stage), ())  # type: ignore[arg-type]
        return found

    def test_not_asked(self) -> None:
        """Nothing is added where nobody asked."""
        self.assertEqual(
            self.sent(None),
            [("snapshot", encoded(5)), ("verdict", {"objects": 5}), ("history", b"h")],
        )

    def test_asked(self) -> None:
        """The verdict has Pympler's table of what changed since the snapshot before."""
        found = dict(self.sent(encoded(2)))
        self.assertEqual(found["verdict"]["objects"], 5)
        self.assertRegex(found["verdict"]["table"], r"app\.Echo +\| +3 +\| +30 +B")
        self.assertEqual(found["snapshot"], encoded(5))
        self.assertEqual(found["history"], b"h")
