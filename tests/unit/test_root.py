"""The root of a reactor's tree, and its one trigger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from txresource import Scope, root_scope
from txresource.errors import ResourceClosed


class TriggerClock(Clock):
    """A clock with system events."""

    def __init__(self) -> None:
        super().__init__()
        self.triggers: list[tuple[str, Any]] = []

    def addSystemEventTrigger(self, phase: str, event: str, function: Any) -> Any:
        """Keep a trigger."""
        self.triggers.append((phase, function))
        return self.triggers[-1]

    def removeSystemEventTrigger(self, trigger: Any) -> None:
        """Let go of one; it must be there."""
        self.triggers.remove(trigger)

    def stop(self) -> Deferred[None]:
        """Begin the shutdown, as a reactor does: what was called is gone from the list."""
        ((_, function),) = self.triggers
        self.triggers.clear()
        waiting: Deferred[None] = function()
        return waiting


class RootTests(SynchronousTestCase):
    """``root_scope``."""

    def setUp(self) -> None:
        """A clock that must be empty at the end."""
        self.clock = TriggerClock()
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    @contextmanager
    def logged(self, told: list[str]) -> Iterator[None]:
        """Collect what is logged."""

        def observe(event: Any) -> None:
            told.append(formatEvent(event))

        globalLogPublisher.addObserver(observe)
        try:
            yield
        finally:
            globalLogPublisher.removeObserver(observe)

    def test_one_trigger(self) -> None:
        """The first child brings the trigger, the last one takes it away."""
        root = root_scope(self.clock)
        self.assertEqual(self.clock.triggers, [])
        one, other = Scope(self.clock, "one"), Scope(self.clock, "other")
        self.assertEqual([phase for phase, _ in self.clock.triggers], ["before"])
        one.close()
        self.assertEqual(len(self.clock.triggers), 1)
        other.close()
        self.assertEqual((self.clock.triggers, root.state), ([], "open"))

    def test_plain_clock(self) -> None:
        """A clock without system events has a root, too."""
        clock = Clock()
        scope = Scope(clock, "plain")
        self.assertEqual(root_scope(clock).statistics().owned, {"scope": 1})
        self.successResultOf(root_scope(clock).close())
        self.assertEqual(scope.state, "closed")

    def test_shutdown(self) -> None:
        """The shutdown waits until all is closed, and hears of no error."""
        scope = Scope(self.clock, "one")
        waits: Deferred[None] = Deferred()
        scope.own(object(), close=lambda: waits)
        stopping = self.clock.stop()
        self.assertNoResult(stopping)
        waits.errback(ValueError())
        self.assertIsNone(self.successResultOf(stopping))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_names_what_is_open(self) -> None:
        """A root that closes with things open writes its tree into the log, once."""
        told: list[str] = []
        scope = Scope(self.clock, "one")
        scope.own(object(), name="it", close=int)
        with self.logged(told):
            root_scope(self.clock).close()
        (line,) = [text for text in told if "closing 1 thing:" in text]
        self.assertIn("thing it  draining", line)
        self.assertIn("test_root.py:", line)

    def test_nothing_to_name(self) -> None:
        """A root under which nothing is open says nothing."""
        told: list[str] = []
        with self.logged(told):
            kept = Scope(self.clock, "one")
            root_scope(self.clock).close()
        self.assertEqual((told, kept.state), ([], "closed"))

    def test_closed_by_the_shutdown(self) -> None:
        """That the reactor's shutdown closed it can be read from a scope."""
        scope = Scope(self.clock, "one")
        self.clock.stop()
        self.assertEqual(scope.closed_by, "the shutdown of the reactor")

    def test_bounded(self) -> None:
        """The shutdown goes on within grace and 1.5 s, whatever is stuck."""
        root = root_scope(self.clock)
        root.grace = 2
        scope = Scope(self.clock, "one", grace=60)
        scope.own(object(), close=Deferred)
        stopping = self.clock.stop()
        self.clock.pump([0.1] * 36)
        self.successResultOf(stopping)

    def test_refuses_while_stopping(self) -> None:
        """From the begin of the shutdown to its end, nothing new is opened."""
        scope = Scope(self.clock, "one")
        scope.start(Deferred())
        stopping = self.clock.stop()
        for _ in range(2):
            error = self.assertRaises(ResourceClosed, Scope, self.clock, "late")
            self.assertIn("the reactor is stopping", str(error))
            self.clock.pump([5])  # the second time all is closed, and the reactor still stops
        self.successResultOf(stopping)

    def test_new_root(self) -> None:
        """A root that was closed makes way for a new one, and leaves no trigger."""
        old = root_scope(self.clock)
        scope = Scope(self.clock, "one")
        self.successResultOf(old.close())
        self.assertEqual((scope.state, self.clock.triggers), ("closed", []))
        again = Scope(self.clock, "again")
        self.assertEqual((old.state, again.state), ("closed", "open"))
        self.assertEqual(len(self.clock.triggers), 1)
        again.close()

    def test_abandoned_child(self) -> None:
        """Also when the last thing is abandoned the trigger goes."""
        scope = Scope(self.clock, "one")
        scope.own(object(), close=Deferred)
        closed = root_scope(self.clock).close(0)
        self.clock.pump([1, 1])
        self.successResultOf(closed)
        self.assertEqual(self.clock.triggers, [])
