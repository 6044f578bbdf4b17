"""The roots of all paths, and what nothing but C holds."""

from __future__ import annotations

import contextvars
import gc
import sys
import threading
import types
import weakref
from collections.abc import Iterator
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.collector import hide_what_is_older
from tests.unit.heap_graphs import refuse
from txresource.heap.roots import (
    Root,
    code_constants,
    find_roots,
    frames_of,
    held_by_c,
    split_unreached,
)

SUBCLASSES = "tables of subclasses (bounded)"


class Node:
    """Refers to another."""

    def __init__(self) -> None:
        self.other: Any = None


def named(roots: list[Root]) -> dict[str, Any]:
    """Roots by name."""
    return {root.name: list(root.things) for root in roots}


def below(things: list[Any]) -> list[Any]:
    """Things and all that they lead to and the collector tracks, but for classes."""
    found: dict[int, Any] = {}
    while things:
        found.update((id(thing), thing) for thing in things)
        things = [
            each
            for each in gc.get_referents(*things)
            if gc.is_tracked(each) and type(each) is not type and id(each) not in found
        ]
    return list(found.values())


class FindTests(SynchronousTestCase):
    """Roots with names."""

    def test_modules(self) -> None:
        """Each module is a root, and so is what stands in the place of one."""

        class Placed:
            __class__ = property(refuse)  # type: ignore[assignment]

        placed: Any = Placed()
        strange: Any = type("Text", (str,), {})("txr_strange")
        sys.modules["txr_placed"] = sys.modules[strange] = placed
        sys.modules["txr_none"] = None  # type: ignore[assignment]
        try:
            found = named(find_roots({}, []))
        finally:
            for name in ("txr_placed", "txr_strange", "txr_none"):
                del sys.modules[name]
        self.assertEqual(found["module sys"], [sys])
        self.assertIs(found["in place of module txr_placed"][0], placed)
        self.assertFalse([name for name in found if "txr_none" in name or "txr_strange" in name])

    def test_given(self) -> None:
        """What the program names is a root under that name, after the modules."""
        found = find_roots({"reactor writer": [1], "reactor reader": [2, 3]}, [])
        names = [root.name for root in found]
        start = names.index("reactor reader")
        self.assertEqual(names[start + 1], "reactor writer")
        self.assertGreater(start, names.index("module sys"))
        self.assertEqual(list(found[start].things), [2, 3])

    def test_context(self) -> None:
        """The value of each context variable is a root."""
        variable: contextvars.ContextVar[Any] = contextvars.ContextVar("txr_variable")
        context = contextvars.copy_context()
        context.run(variable.set, [1])
        found = named(context.run(find_roots, {}, []))
        self.assertEqual(found["context variable 'txr_variable'"], [[1]])

    def test_frames(self) -> None:
        """Frames are named by module and function, with all that called them."""

        def inner() -> list[Root]:
            return frames_of([sys._getframe()])

        found = inner()
        names = [root.name for root in found]
        self.assertIn(f"frame of {__name__}.inner", names)
        self.assertIn(f"frame of {__name__}.test_frames", names)
        self.assertEqual(names, sorted(names))

    def test_recursion(self) -> None:
        """The frames of a function that calls itself are one root."""

        def down(depth: int) -> list[Root]:
            return down(depth - 1) if depth else frames_of([sys._getframe()])

        found = named(down(4))
        self.assertEqual(len(found[f"frame of {__name__}.down"]), 5)

    def test_nameless_module(self) -> None:
        """A frame whose globals have no name, or none that is text, says so."""
        space: dict[str, Any] = {"frames_of": frames_of, "sys": sys}
        exec("def f(): return frames_of([sys._getframe()])", space)
        for name in (None, 5, "a\nb"):
            space["__name__"] = name
            self.assertIn("frame of ?.f", named(space["f"]()))

    def test_threads(self) -> None:
        """The frames of every thread are found by what each runs."""
        there, go_on = threading.Event(), threading.Event()

        def parked() -> None:
            there.set()
            go_on.wait(30)

        thread = threading.Thread(target=parked)
        thread.start()
        there.wait(30)
        names = named(frames_of(sys._current_frames().values()))
        go_on.set()
        thread.join(30)
        self.assertIn(f"frame of {__name__}.parked", names)
        self.assertIn(f"frame of {__name__}.test_threads", names)

    def test_constants(self) -> None:
        """Strings in the code of functions, inner ones, too, are found; others are not."""

        def outer(row: Any) -> Any:
            return lambda: row["txr_" + "inner"], row["txr_outer"], row["x" * 61]

        found = code_constants([outer, "txr_text", ["txr_list"]])
        self.assertLessEqual({"txr_inner", "txr_outer"}, found)
        self.assertFalse(found & {"txr_text", "txr_list", "x" * 61})


class HeldTests(SynchronousTestCase):
    """What the collector would free, counted without it."""

    def setUp(self) -> None:
        """No collection but our own."""
        hide_what_is_older(self)
        gc.disable()
        self.addCleanup(gc.enable)

    def split(self, make: Any, kind: type = Node) -> tuple[int, int]:
        """How many objects of a kind are held, and how many are there, after their maker ended."""
        kept = make()
        tracked = gc.get_objects()
        # Nothing but these two lists and what is to be found may refer to them.
        unreached = below([thing for thing in tracked if type(thing) is kind])
        held = held_by_c(unreached)
        del kept
        return sum(type(thing) is kind for thing in held), sum(type(t) is kind for t in unreached)

    def ring(self, size: int = 3) -> Node:
        """Nodes that refer to one another."""
        nodes = [Node() for _ in range(size)]
        for one, other in zip(nodes, nodes[1:] + nodes[:1], strict=True):
            one.other = other
        return nodes[0]

    def test_garbage(self) -> None:
        """A ring that nobody refers to is held by none of its own."""

        def make() -> None:
            self.ring()

        self.assertEqual(self.split(make), (0, 3))

    def test_held(self) -> None:
        """Of a ring to which somebody refers, that one node is held."""
        self.assertEqual(self.split(self.ring), (1, 3))

    def test_touched(self) -> None:
        """Dictionaries that the program has asked for make no difference."""

        def make() -> None:
            ring = self.ring()
            for node in (ring, ring.other, ring.other.other):
                vars(node)["more"] = [node]

        self.assertEqual(self.split(make), (0, 3))
        gc.collect()

    def test_touched_dict(self) -> None:
        """The dictionary of an unreached object, asked for or not, is not taken for held by C."""

        def make() -> None:
            node = self.ring(1)
            vars(node)["more"] = [node]

        make()
        unreached = [thing for thing in gc.get_objects() if type(thing) is Node]
        spaces = [
            thing
            for thing in gc.get_objects()
            if type(thing) is dict and "other" in thing and "more" in thing
        ]
        lists = [each["more"] for each in spaces] or [
            each for each in gc.get_referents(*unreached) if type(each) is list
        ]
        everything = unreached + spaces + lists
        # Each of them has this list for one more reference.
        self.assertEqual(held_by_c(everything), [])
        del spaces, lists, unreached

    def test_suspended_apart(self) -> None:
        """Generators and coroutines are a root of their own."""

        def generator() -> Iterator[int]:
            yield 1

        suspended, node = generator(), Node()
        found = named(split_unreached([node, suspended]))
        self.assertEqual(found.pop(SUBCLASSES), [])
        self.assertEqual(found, {"suspended, held by C": [suspended], "held by C": [node]})
        self.assertIs(type(suspended), types.GeneratorType)

    def test_subclasses_apart(self) -> None:
        """
        What a class keeps of its subclasses has a root that is bounded, as it goes with them; other
        dictionaries of weak references have not.
        """
        kept, data = weakref.ref(type("Made", (), {})), weakref.ref(Node)
        table, others = {1: weakref.ref(Node), 2: kept}, [{"a": data}, {1: Node}, {}]
        found = named(split_unreached([table, *others]))
        self.assertEqual(found[SUBCLASSES], [table, 1, 2, *table.values()])
        self.assertEqual(found["held by C"], others)
