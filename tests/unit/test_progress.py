"""What the close of a whole tree says in the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from txresource import Scope, root_scope
from txresource.root import root_node


class ProgressTests(SynchronousTestCase):
    """Begin, waiting, end."""

    def setUp(self) -> None:
        """A tree on a clock that must be empty at the end, and its log."""
        self.clock = Clock()
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.scope = Scope(self.clock, "one")
        self.said: list[str] = []
        globalLogPublisher.addObserver(self.hear)
        self.addCleanup(globalLogPublisher.removeObserver, self.hear)

    def hear(self, event: Any) -> None:
        """Keep what is said."""
        self.said.append(formatEvent(event))

    def own(self, name: str, close: Callable[[], Any]) -> None:
        """Own something that closes by this."""
        self.scope.own(object(), name=name, close=close)

    def close(self, grace: float = 0.0) -> Deferred[None]:
        """Close all of it."""
        return root_scope(self.clock).close(grace)

    def matching(self, begin: str) -> list[str]:
        """What was said that begins like this."""
        return [text for text in self.said if text.startswith(begin)]

    def test_quick(self) -> None:
        """A close that waits for nothing says what it closes, and no more."""
        self.own("it", int)
        self.successResultOf(self.close())
        self.assertEqual(len(self.said), 1)
        self.assertTrue(self.said[0].startswith("closing 1 thing:\nscope reactor"), self.said)

    def test_waiting(self) -> None:
        """Every two seconds it says for what it waits, who made that, and how old it is."""
        waits: Deferred[None] = Deferred()
        self.own("quick", int)
        self.own("slow", lambda: waits)
        closed = self.close(60)
        self.clock.pump([0.5] * 9)
        self.assertEqual(
            [text.split("  [test_progress.py:")[0] for text in self.matching("closing for")],
            [
                f"closing for {seconds} s, still waiting for 1 thing:"
                f"\n  thing slow  closing, {seconds}.0 s"
                for seconds in (2, 4)
            ],
        )
        waits.callback(None)
        self.successResultOf(closed)
        self.clock.pump([1] * 5)
        self.assertEqual(len(self.matching("closing for")), 2)
        self.assertEqual(self.matching("abandoned"), [])

    def test_bounded(self) -> None:
        """However much it waits for, it says so in a few lines."""
        for number in range(100):
            self.own(f"t{number}", Deferred)
        self.close(2.5)
        self.clock.advance(2)
        (text,) = self.matching("closing for")
        self.assertEqual((len(text.splitlines()), text.splitlines()[-1]), (7, "  … and 95 more"))
        self.clock.pump([0.5] * 10)

    def test_abandoned(self) -> None:
        """At the end it names what was given up, below its owners, with the line that made it."""
        self.own("stuck", Deferred)
        closed = self.close()
        self.clock.pump([0.5] * 6)
        self.successResultOf(closed)
        (text,) = self.matching("abandoned 1 thing:")
        lines = text.splitlines()
        self.assertEqual(lines[1], "scope one")
        self.assertTrue(
            lines[2].startswith("  thing stuck: it does not end  [test_progress.py:"), lines
        )

    def test_counts_what_is_hidden(self) -> None:
        """The services in a ``MultiService`` are counted one by one, as they are at the end."""
        services = MultiService()
        for _ in range(3):
            Service().setServiceParent(services)
        services.startService()
        self.scope.own(services)
        self.successResultOf(self.close())
        self.assertEqual(len(self.matching("closing 3 services:")), 1)
        self.assertEqual(root_node_closed(self.scope), {"service": 3})

    def test_on_change(self) -> None:
        """Who wants to know hears in words what is left, as often as the log does."""
        heard: list[str] = []
        root_node(self.clock).progress.on_change = heard.append
        self.own("slow", Deferred)
        self.close(2.5)
        self.clock.pump([0.5] * 10)
        self.assertEqual(heard, ["1 thing", "1 thing"])


def root_node_closed(scope: Scope) -> dict[str, int]:
    """What the root of a closed scope counted."""
    run = scope._node.root.run
    assert run is not None
    return dict(run.outcome.closed)
