"""Files and exit stacks in a scope."""

from __future__ import annotations

import gc
import io
import weakref
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from tests.unit.scope_case import ScopeCase
from txresource.errors import ResourceClosed


class FileTests(ScopeCase):
    """``own(open(…))``."""

    def open(self, mode: str = "w", **how: Any) -> Any:
        """Own a new file."""
        self.path = Path(self.mktemp())
        return self.scope.own(self.path.open(mode, **how))

    def test_written_and_closed(self) -> None:
        """What was buffered is in the file when the scope is closed."""
        file = self.open()
        file.write("all of it")
        self.successResultOf(self.scope.close())
        self.assertEqual((file.closed, self.path.read_text()), (True, "all of it"))

    def test_after_what_writes_to_it(self) -> None:
        """A file that was owned first may be written to until what is newer has gone."""
        file, gate = self.open(), Deferred[None]()
        self.scope.own(object(), close=lambda: gate)
        closed = self.scope.close()
        file.write("last words")
        gate.callback(None)
        self.successResultOf(closed)
        self.assertEqual(self.path.read_text(), "last words")

    def test_closed_by_somebody(self) -> None:
        """A file of any layer that is closed, by a with block too, leaves the tree."""
        for how in ({}, {"mode": "wb"}, {"mode": "wb", "buffering": 0}):
            self.open(**how).close()
            with self.open(**how) as file:
                self.assertEqual(self.owned(), 1)
            self.assertEqual((self.owned(), "close" in vars(file)), (0, False))
            self.scope.own(file)
            self.assertEqual(self.owned(), 0)

    def test_full_disk(self) -> None:
        """A file that cannot be written is told of, and holds up nothing."""

        class Full(io.RawIOBase):
            def close(self) -> None:
                raise OSError("full")

        full = Full()
        self.scope.own(full)
        self.failureResultOf(self.scope.close(), OSError)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        Full.close = io.RawIOBase.close  # type: ignore[method-assign]

    def test_refused_and_aborted(self) -> None:
        """An aborted scope has closed its files, and closes those it is given."""
        file = self.open()
        self.scope.abort()
        self.assertTrue(file.closed)
        late = io.BytesIO()
        self.assertRaises(ResourceClosed, self.scope.own, late)
        self.assertTrue(late.closed)

    def test_freed_without_collector(self) -> None:
        """A file that was closed is freed with the collector off."""
        gc.disable()
        self.addCleanup(gc.enable)
        file = self.open()
        file.close()
        gone = weakref.ref(file)
        del file
        self.assertIsNone(gone())


class StackTests(ScopeCase):
    """Any context manager, by an exit stack."""

    def test_sync(self) -> None:
        """An exit stack is unwound when the scope closes."""
        left: list[str] = []
        stack = self.scope.own(ExitStack())
        stack.callback(left.append, "first")
        stack.callback(left.append, "second")
        self.successResultOf(self.scope.close())
        self.assertEqual(left, ["second", "first"])

    def test_async(self) -> None:
        """An asynchronous one is unwound and waited for."""
        gate: Deferred[None] = Deferred()
        stack = self.scope.own(AsyncExitStack())

        async def leave() -> None:
            await gate

        stack.push_async_callback(leave)
        closed = self.scope.close()
        self.clock.advance(1)
        self.assertNoResult(closed)
        gate.callback(None)
        self.successResultOf(closed)

    def test_async_that_never_ends(self) -> None:
        """One that never unwinds is abandoned in time, and named."""

        async def leave() -> None:
            await Deferred()

        self.scope.own(AsyncExitStack(), name="sessions").push_async_callback(leave)
        closed = self.scope.close()
        self.clock.pump([0.1] * 56)
        self.successResultOf(closed)
        run = self.scope._node.run
        assert run is not None
        self.assertEqual([gone.what for gone in run.outcome.abandoned], ["stack sessions"])

    def test_other_managers_are_not_guessed(self) -> None:
        """A context manager that is no stack needs close=, or a stack."""

        class Guess:
            def __enter__(self) -> None: ...

            def __exit__(self, *args: object) -> None: ...

        self.assertRaises(TypeError, self.scope.own, Guess())
