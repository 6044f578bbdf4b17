"""The assertions for test cases: cycles, scopes and connections."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.collector import hide_what_is_older
from txresource.connections import ManagedFactoryMixin
from txresource.scope import Scope, root_scope
from txresource.testing import LeakAssertionsMixin


class Thing:
    """Something that can be left behind."""


def leave_cycle(count: int = 3) -> str:
    """Leave things to the collector."""
    for _ in range(count):
        thing = Thing()
        thing.me = thing  # type: ignore[attr-defined]
    return "done"


class CycleTests(LeakAssertionsMixin, SynchronousTestCase):
    """What only the cyclic collector frees is counted."""

    def setUp(self) -> None:
        """Nothing that happens here may change the collector."""
        hide_what_is_older(self)
        enabled, flags, garbage = gc.isenabled(), gc.get_debug(), len(gc.garbage)
        self.addCleanup(
            lambda: self.assertEqual(
                (gc.isenabled(), gc.get_debug(), len(gc.garbage)), (enabled, flags, garbage)
            )
        )

    def test_clean(self) -> None:
        """A call that leaves nothing returns what it returned."""
        self.assertEqual(self.assertNoCycles(max, 1, 2, key=lambda n: -n), 1)

    def test_cycles(self) -> None:
        """A call that leaves something fails with the number, in all and by type."""
        error = self.assertRaises(self.failureException, self.assertNoCycles, leave_cycle, 3)
        first, *rest = str(error).splitlines()
        self.assertRegex(first, r"^the call left (3|6) objects to the cyclic collector:$")
        self.assertIn(f"    3 {__name__}.Thing", rest)

    def test_it_is_freed(self) -> None:
        """What was found is freed when the assertion ends."""
        refs: list[Any] = []

        def leave() -> None:
            thing = Thing()
            thing.me = thing  # type: ignore[attr-defined]
            refs.append(weakref.ref(thing))

        self.assertRaises(self.failureException, self.assertNoCycles, leave)
        self.assertEqual([ref() for ref in refs], [None, None])

    def test_garbage_of_before(self) -> None:
        """Garbage from before the call is not the call's."""
        leave_cycle()
        self.assertNoCycles(int)

    def test_first_call(self) -> None:
        """What only a first call leaves behind is not held against the function."""
        calls: list[int] = []

        def once() -> None:
            calls.append(1)
            if len(calls) == 1:
                leave_cycle()

        self.assertNoCycles(once)
        self.assertEqual(len(calls), 2)

    def test_collector_off(self) -> None:
        """The collector is off during the counted call alone, and stays off if it was."""
        seen: list[bool] = []
        self.assertNoCycles(lambda: seen.append(gc.isenabled()))
        self.assertEqual(seen, [gc.isenabled(), False])
        if gc.isenabled():
            self.addCleanup(gc.enable)
        gc.disable()
        self.assertNoCycles(int)
        self.assertFalse(gc.isenabled())

    def test_error(self) -> None:
        """An error of the function comes through, whichever call raises it."""
        for outcomes in ([ZeroDivisionError()], [None, ZeroDivisionError()]):

            def call(left: list[Any] = outcomes) -> None:
                error = left.pop(0)
                if error:
                    raise error

            self.assertRaises(ZeroDivisionError, self.assertNoCycles, call)

    def test_deferred(self) -> None:
        """Of a Deferred the count is made when it has fired; its result comes through."""
        waiting: list[Deferred[str]] = []

        def begin() -> Deferred[str]:
            waiting.append(Deferred())
            return waiting[-1]

        checked = self.assertNoCycles(begin)
        waiting.pop().callback("first")
        self.assertNoResult(checked)
        self.assertFalse(gc.isenabled())
        waiting.pop().callback("second")
        self.assertEqual(self.successResultOf(checked), "second")

    def test_deferred_cycles(self) -> None:
        """What is left when a Deferred has fired fails the one that was returned."""
        checked = self.assertNoCycles(lambda: succeed(None).addCallback(lambda _: leave_cycle()))
        failure = self.failureResultOf(checked, self.failureException)
        self.assertIn("cyclic collector", failure.getErrorMessage())

    def test_deferred_error(self) -> None:
        """A Deferred that fails lets its own error through."""
        outcomes: list[Any] = [None, Failure(ZeroDivisionError())]
        checked = self.assertNoCycles(lambda: succeed(None).addCallback(lambda _: outcomes.pop(0)))
        self.failureResultOf(checked, ZeroDivisionError)

    def test_coroutine(self) -> None:
        """A coroutine is driven, and its result comes through."""

        async def work() -> int:
            return await succeed(7)

        self.assertEqual(self.successResultOf(self.assertNoCycles(work)), 7)

    def test_cancel(self) -> None:
        """To cancel cancels what is under way."""
        cancelled: list[Any] = []
        outcomes: list[Any] = [succeed(None), Deferred(cancelled.append)]
        checked = self.assertNoCycles(lambda: outcomes.pop(0))
        checked.cancel()
        self.assertEqual(len(cancelled), 1)
        checked.addErrback(lambda _: None)


class ScopeTests(LeakAssertionsMixin, SynchronousTestCase):
    """What is open in the tree is printed."""

    def test_scope(self) -> None:
        """A scope passes once it is closed; before, its tree is the text."""
        clock = Clock()
        scope = Scope(clock, "upload")
        scope.child("part")
        error = self.assertRaises(self.failureException, self.assertAllClosed, scope)
        first, *rest = str(error).splitlines()
        self.assertEqual(first, "scope upload is not all closed:")
        self.assertTrue(rest[0].startswith("    scope upload  open"), rest)
        self.assertTrue(rest[1].startswith("      scope part  open"), rest)
        self.successResultOf(scope.close())
        self.assertIsNone(self.assertAllClosed(scope))  # type: ignore[func-returns-value]

    def test_empty_scope(self) -> None:
        """A scope that owns nothing and is open is open."""
        scope = Scope(Clock(), "idle")
        self.assertRaises(self.failureException, self.assertAllClosed, scope)
        scope.abort()
        self.assertAllClosed(scope)

    def test_reactor(self) -> None:
        """A reactor passes while its root owns nothing, and so does the root scope."""
        clock = Clock()
        self.assertAllClosed(clock)
        scope = Scope(clock, "upload")
        for thing in (clock, root_scope(clock)):
            error = self.assertRaises(self.failureException, self.assertAllClosed, thing)
            self.assertIn("scope upload", str(error))
        scope.abort()
        self.assertAllClosed(clock)
        self.assertAllClosed(root_scope(clock))

    def test_neither(self) -> None:
        """What is neither a scope nor a reactor is refused."""
        error = self.assertRaises(TypeError, self.assertAllClosed, Thing())
        self.assertIn("not tests.unit.test_assertions.Thing", str(error))


class ManagedFactory(ManagedFactoryMixin, Factory):
    """A factory that knows its connections."""

    protocol = Protocol


class AbortableTransport(StringTransport):
    """A transport in memory."""

    def getPeer(self) -> str:
        """Nobody in particular."""
        return "secret-peer"


class ConnectionTests(LeakAssertionsMixin, SynchronousTestCase):
    """Connections that are open are listed."""

    def test_connections(self) -> None:
        """A factory passes while it has no connection; each open one is a line, without its peer."""
        factory = ManagedFactory()
        factory.reactor = MemoryReactorClock()
        self.assertIsNone(self.assertConnectionsClosed(factory))  # type: ignore[func-returns-value]
        protocol: Any = factory.buildProtocol(None)
        transport = AbortableTransport()
        protocol.makeConnection(transport)
        error = self.assertRaises(self.failureException, self.assertConnectionsClosed, factory)
        self.assertEqual(
            str(error).splitlines(),
            [
                f"{__name__}.ManagedFactory has 1 open connection:",
                "    twisted.internet.protocol.Protocol  open, 0.0 s",
            ],
        )
        root_scope(factory.reactor).abort()

    def test_foreign_factory(self) -> None:
        """A factory that does not know its connections is refused."""
        self.assertRaises(TypeError, self.assertConnectionsClosed, Factory())  # type: ignore[arg-type]
