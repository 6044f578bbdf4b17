"""A case whose scope must be empty at the end."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from txresource import Scope
from txresource.root import root_node

GRACE = 0.3
#: After so many seconds a close must be over.
BOUND = GRACE + 1.5
#: What plain Twisted has not ended after so many seconds it does not end: it has no deadline.
PLAIN = 1.0


class CloserCase(TestCase):
    """A scope of which nothing is left at the end."""

    def setUp(self) -> None:
        self.scope = Scope(reactor, "real", grace=GRACE)
        self.addCleanup(lambda: self.assertFalse(root_node(reactor).children))
        self.addCleanup(self.scope.close)

    def abandoned(self) -> list[str]:
        run = self.scope._node.run
        assert run is not None
        return [gone.what for gone in run.outcome.abandoned]

    def own_and_close(self, thing: Any) -> Any:
        """End a thing by the scope, in time."""
        self.scope.own(thing)
        return self.close_in_time()

    @staticmethod
    def lose(thing: Any) -> Any:
        """End a thing by what it has itself, and wait."""
        thing.loseConnection()
        return deferLater(reactor, PLAIN, lambda: None)

    @inlineCallbacks
    def close_in_time(self) -> Any:
        began = reactor.seconds()
        yield self.scope.close()
        self.assertLess(reactor.seconds() - began, BOUND + 1)  # a busy machine's second
