"""The names of edges of functions, classes, frames and generators, alike on every CPython."""

from __future__ import annotations

import contextvars
import functools
import types
from collections.abc import AsyncIterator, Iterator
from typing import Any

from tests.unit.heap_graphs import EdgeCase, Ran, Thing, edges_of, kind_of, refuse
from txresource.heap.edges import EdgeReader
from txresource.heap.held import ITEM


@types.coroutine
def pause() -> Iterator[None]:
    """Be suspended."""
    yield


class CodeTests(EdgeCase):
    """Functions, classes, frames, generators."""

    def test_closure(self) -> None:
        """A function holds the variables of its closure by their names; cells are not seen."""
        one: Any = [1]
        unset: Any = None

        def inner(default: Any = one, *, key: Any = one) -> Any:
            return one, unset  # noqa: F821

        del unset
        self.assertEqual(
            self.assertEdges(inner),
            {
                "closure variable 'one'": [[1]],
                ".__closure__": [inner.__closure__],
                ".__defaults__": [([1],)],
                ".__kwdefaults__": [{"key": [1]}],
            },
        )
        held = EdgeReader().read(types.FunctionType, [inner])
        hidden = set(map(id, held.hidden))
        self.assertLessEqual({id(inner.__closure__), *map(id, inner.__closure__)}, hidden)
        self.assertNotIn("closure variable 'unset'", edges_of(inner))

    def test_method(self) -> None:
        """A bound method holds its object and its function, and is named by the latter."""
        thing = Thing()
        self.assertEqual(
            edges_of(thing.method), {".__func__": [Thing.method], ".__self__": [thing]}
        )
        self.assertEqual(kind_of(thing.method), "method Thing.method")
        self.assertEqual(edges_of([].append), {".__self__": [[]]})
        self.assertEqual(kind_of(types.MethodType(functools.partial(print), thing)), "method ?")

    def test_partial(self) -> None:
        """A partial holds its function and its arguments by name."""
        found = edges_of(functools.partial(print, [1], end=[2]))
        self.assertEqual((found[".func"], found[".args"]), ([print], [([1],)]))
        self.assertEqual(found[".keywords"], [{"end": [2]}])

    def test_name_that_was_set(self) -> None:
        """A function that was given a name of more than one line, or a long one, has none."""

        def function() -> None:
            """Be renamed."""

        for name in ("a\nb", "x" * 200, type("S", (str,), {"__format__": refuse})("s")):
            function.__qualname__ = name
            self.assertEqual(kind_of(function), "function ?")
        function.__qualname__ = "x" * 199
        self.assertEqual(kind_of(function), "function " + "x" * 199)

    def test_class(self) -> None:
        """A class holds what stands in it by name; the dictionary behind is not seen."""
        found = edges_of(type("Made", (Thing,), {"registry": [[1]], "__slots__": ()}))
        self.assertEqual(found[".registry"], [[[1]]])
        self.assertNotIn(".from_bytes", edges_of(int))

    def test_metaclass(self) -> None:
        """A metaclass that lies is not asked."""

        class Meta(type):
            __dict__ = __mro__ = __bases__ = property(refuse)  # type: ignore[assignment]
            __hash__ = __eq__ = __getattribute__ = mro_entries = refuse  # type: ignore[assignment]

        class Lying(metaclass=Meta):
            shared = [1]

        self.assertEqual(edges_of(Lying)[".shared"], [[1]])
        thing = Lying()
        object.__setattr__(thing, "own", [2])
        self.assertEqual(edges_of(thing)[".own"], [[2]])

    def test_module(self) -> None:
        """A module holds its globals by name, and one that sits in its place its attributes."""
        module = types.ModuleType("made")
        module.things = [1]  # type: ignore[attr-defined]
        self.assertEqual(self.assertEdges(module), {".things": [[1]]})

    def test_globals(self) -> None:
        """The globals of a function whose module is gone are named."""
        namespace = {"things": [1], "other": [2]}
        held = EdgeReader().read(dict, [namespace], ".__globals__")
        self.assertEqual(held.named[".things"], [[1]])
        self.assertEqual(EdgeReader().read(dict, [namespace], ".x").named[ITEM], [[1], [2]])

    def test_suspended(self) -> None:
        """What is suspended holds its variables by name, and what it waits for."""

        def generator() -> Iterator[None]:
            kept = [1]
            yield from inner
            kept.clear()

        async def coroutine() -> None:
            kept = [1]
            await waiting
            kept.clear()

        async def agen() -> AsyncIterator[None]:
            kept = [1]
            await waiting
            kept.clear()
            yield

        inner, waiting = pause(), pause()
        self.addCleanup(waiting.close)
        running = [generator(), coroutine()]
        for each in running:
            each.send(None)
            self.addCleanup(each.close)
        for each, awaited in zip(running, (inner, waiting), strict=True):
            found = edges_of(each)
            self.assertEqual(found["local variable 'kept'"], [[1]])
            self.assertEqual(found["await"], [awaited])
        self.assertEqual(kind_of(running[1]).split(".")[-1], "coroutine")
        asynchronous = agen()
        self.assertEqual(edges_of(asynchronous)["local variable 'waiting'"], [waiting])
        running[0].close()
        self.assertEqual(self.assertEdges(running[0]), {})

    def test_frame(self) -> None:
        """A frame holds its variables by name."""

        def raising() -> None:
            kept = [1]
            raise ValueError(kept)

        try:
            raising()
        except ValueError as error:
            assert error.__traceback__ and error.__traceback__.tb_next
            frame = error.__traceback__.tb_next.tb_frame
            found = edges_of(frame)
        self.assertEqual(found, {"local variable 'kept'": [[1]]})
        self.assertEqual(kind_of(frame), "frame raising")
        del frame, found

    def test_class_body(self) -> None:
        """The frame of a class body whose namespace is the program's own is left alone."""
        seen: list[Any] = []

        class Body(dict[str, Any]):
            __setitem__ = dict.__setitem__

            def keys(self) -> Any:
                raise Ran

            items = __iter__ = keys

        class Meta(type):
            @classmethod
            def __prepare__(cls, *args: Any) -> Any:  # type: ignore[override]
                return Body()

            def __new__(cls, name: str, bases: tuple[type, ...], body: Any) -> Any:
                return super().__new__(cls, name, bases, {})

        class Running(metaclass=Meta):
            import sys

            seen.append(edges_of(sys._getframe()))

        self.assertEqual([list(found) for found in seen], [[]])

    def test_context(self) -> None:
        """A context holds the values of its variables by name; its tree is not seen."""
        variables = [contextvars.ContextVar(f"v{n}") for n in range(50)]
        context, strange = contextvars.Context(), type("S", (str,), {"__format__": refuse})
        context.run(contextvars.ContextVar(strange("v")).set, ["nameless"])
        for number, variable in enumerate(variables):
            context.run(variable.set, [number])
        held = EdgeReader().read(contextvars.Context, [context])
        self.assertEqual(held.named["context variable 'v7'"], [[7]])
        self.assertEqual(held.named["context variable"], [["nameless"]])
        self.assertGreater(len(held.hidden), 1)
        hidden = set(map(id, held.hidden))
        self.assertFalse(any(id(each) in hidden for each in variables))
