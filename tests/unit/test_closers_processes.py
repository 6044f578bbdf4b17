"""Child processes in a scope, without any."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from twisted.internet._baseprocess import BaseProcess
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import Clock
from zope.interface import implementer

from tests.unit.scope_case import ScopeCase
from txresource import Scope
from txresource.errors import ResourceClosed


class Pipe:
    """A pipe that another process may keep open."""

    def __init__(self, process: Child) -> None:
        self.process = process

    def loseConnection(self) -> None:
        """Close it in the next turn."""
        self.process.clock.callLater(0, self.process.pipe_closed)


@implementer(IProcessTransport)
class Child(BaseProcess):
    """
    A process that goes by a signal in the next turn.

    :ivar deaf: the signals that it ignores.
    :ivar piped: whether a pipe stays open when it has gone.
    """

    pid: int | None = 7
    status: int | None = None

    def __init__(self, clock: Clock, *deaf: str, piped: bool = False) -> None:
        super().__init__(ProcessProtocol())
        self.clock = clock
        self.deaf = deaf
        self.heard: list[str] = []
        self.pipes = {3: Pipe(self)} if piped else {}

    def signalProcess(self, signalID: Any) -> None:
        """Go."""
        if self.pid is None:
            raise ProcessExitedAlready
        self.heard.append(signalID)
        if signalID not in self.deaf:
            self.clock.callLater(0, self.reaped)

    def closeStdin(self) -> None:
        """Note it."""
        self.heard.append("end of input")

    def loseConnection(self) -> None:
        """Nothing to lose."""

    def reaped(self) -> None:
        """As the reactor does when it has reaped a process."""
        if self.pid is not None:
            self.processEnded(0)

    def pipe_closed(self) -> None:
        """As Twisted does when a pipe is closed."""
        self.pipes.clear()
        self.maybeCallProcessEnded()

    def maybeCallProcessEnded(self) -> None:
        """As Twisted: when the pipes are closed, too."""
        if not self.pipes:
            super().maybeCallProcessEnded()

    def _getReason(self, status: int) -> BaseException:
        return ProcessDone(status)


class ProcessTests(ScopeCase):
    """``own(reactor.spawnProcess(…))``."""

    last_turns = (0, 1)

    def own(self, *deaf: str, **how: Any) -> Child:
        """Own a child."""
        child: Child = self.scope.own(Child(self.clock, *deaf, **how))
        return child

    def test_told_and_waited_for(self) -> None:
        """Closing tells a child by TERM and the end of its input, and ends when it is reaped."""
        child = self.own()
        closed = self.scope.close()
        self.assertEqual(child.heard, ["TERM", "end of input"])
        self.assertNoResult(closed)
        self.clock.advance(0)
        self.successResultOf(closed)

    def test_after_what_is_newer(self) -> None:
        """A child is told when what is newer has gone."""
        child, told = self.own(), []
        self.scope.own(object(), close=lambda: told.extend([child.heard[:]]))
        self.scope.close()
        self.assertEqual(told, [[]])

    def test_killed(self) -> None:
        """A child that ignores TERM is killed at the deadline, and reaped."""
        child = self.own("TERM")
        closed = self.scope.close()
        self.clock.pump([0.1] * 49)
        self.assertNotIn("KILL", child.heard)
        self.clock.pump([0.1] * 2)
        self.successResultOf(closed)
        self.assertEqual((child.heard[-1], child.pid), ("KILL", None))

    def test_pipe_that_another_keeps_open(self) -> None:
        """A pipe that outlives the child is dropped at the deadline."""
        child = self.own(piped=True)
        closed = self.scope.close()
        self.clock.advance(1)
        self.assertIsNone(child.pid)
        self.assertNoResult(closed)
        self.clock.pump([0.1] * 42)
        self.successResultOf(closed)
        self.assertEqual(child.pipes, {})

    def test_ends_by_itself(self) -> None:
        """A child that ends leaves the tree when its pipes are closed; owned later, never enters."""
        child = self.own(piped=True)
        child.reaped()
        self.assertEqual(self.owned(), 1)
        child.pipe_closed()
        self.assertEqual(self.owned(), 0)
        self.scope.own(child)
        self.assertEqual(self.owned(), 0)

    def test_gone_a_moment_ago(self) -> None:
        """A child that has gone before it is told is no error."""
        self.own(piped=True).reaped()
        self.scope.abort()
        self.clock.advance(0)
        self.assertEqual(self.owned(), 0)

    def test_refused(self) -> None:
        """A closed scope tells and kills a child that it is given."""
        self.scope.close()
        child = Child(self.clock, "TERM")
        self.assertRaises(ResourceClosed, self.scope.own, child)
        self.clock.pump([0.1] * 12)
        self.assertEqual(child.heard, ["TERM", "end of input", "KILL"])

    def test_foreign(self) -> None:
        """A child of which only the interface is known is told, or killed, and not waited for."""

        @implementer(IProcessTransport)
        class Foreign:
            pid = 8
            signalProcess, closeStdin, loseConnection = (
                Child.signalProcess,
                Child.closeStdin,
                Child.loseConnection,
            )
            deaf = ("TERM", "KILL")

        for end, heard in (("close", ["TERM", "end of input"]), ("abort", ["KILL"])):
            scope = Scope(self.clock, "foreign")
            child: Any = Foreign()
            child.heard = []
            scope.own(child)
            getattr(scope, end)()
            self.assertEqual((scope.state, child.heard), ("closed", heard))

    def test_name(self) -> None:
        """A child is known by its protocol and its process id."""
        self.own()
        (view,) = self.scope.tree().children
        self.assertEqual(view.name, "twisted.internet.protocol.ProcessProtocol, pid 7")

    def test_freed_without_collector(self) -> None:
        """A child that has gone is freed with the collector off."""
        gc.disable()
        self.addCleanup(gc.enable)
        child = self.own()
        child.reaped()
        gone = weakref.ref(child)
        del child
        self.assertIsNone(gone())
