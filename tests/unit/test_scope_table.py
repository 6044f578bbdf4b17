"""Every input in every state of a scope: what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.unit.closing_case import ClosingCase, Probe
from txresource import Scope
from txresource.errors import ResourceClosed, ResourceDraining, ResourceError
from txresource.tree import WATCHED

OPEN, DRAINING, CLOSING, ABORTING, CLOSED = "open", "draining", "closing", "aborting", "closed"
STATES = (OPEN, DRAINING, CLOSING, ABORTING, CLOSED)

#: For each input what it gives in each of the states, and in which state it leaves the scope.
#: ``ok``, the name of an error, ``waits`` or ``fired`` for a Deferred, ``same`` for the state.
DRAINS, ENDED = "ResourceDraining", "ResourceClosed"
REFUSED = [(DRAINS, "same"), (DRAINS, "same"), (DRAINS, "same"), (ENDED, "same")]
TABLE: dict[str, list[tuple[str, str]]] = {
    "own": [("ok", "same"), *REFUSED],
    "child": [("ok", "same"), *REFUSED],
    "start": [("ok", "same"), *REFUSED],
    "call_later": [("ok", "same"), *REFUSED],
    "looping_call": [("ok", "same"), *REFUSED],
    "enter": [("ok", "same"), *REFUSED],
    "closing": [("waits", "same"), *[("fired", "same")] * 4],
    "close": [("waits", CLOSING), *[("waits", "same")] * 3, ("fired", "same")],
    "close at once": [
        ("waits", ABORTING),
        ("waits", CLOSING),
        ("waits", ABORTING),
        ("waits", "same"),
        ("fired", "same"),
    ],
    "abort": [("ok", ABORTING), ("ok", ABORTING), ("ok", ABORTING), ("ok", "same"), ("ok", "same")],
    "cancel the last waiter": [
        ("ok", "same"),
        ("ok", ABORTING),
        ("ok", ABORTING),
        ("ok", "same"),
        ("ok", "same"),
    ],
    "the thing ends": [("ok", "same"), *[("ok", CLOSED)] * 3, ("ok", "same")],
    "time passes": [("ok", "same"), *[("ok", CLOSED)] * 4],
    "read": [("ok", "same")] * 5,
}


class TableTests(ClosingCase):
    """One test a pair of state and input; they are added below, so that trial names each."""

    def bring(self, state: str) -> None:
        """Make a scope in a state, with a thing in it that ends when the test wants."""
        self.scope = Scope(self.clock, "table", grace=4)
        busy = state == DRAINING
        self.thing: Probe = self.own("x", drain=not busy, busy=busy, close=WATCHED, stuck=True)
        self.addCleanup(self.thing.node.ended)
        self.addCleanup(self.scope.abort)
        self.waiter: Deferred[None] | None = None
        if state != OPEN:
            self.waiter = self.scope.close()
            self.waiter.addErrback(lambda failure: failure.trap(CancelledError) and None)
        if state == ABORTING:
            self.scope.abort()
        if state == CLOSED:
            self.thing.node.ended()

    def now(self) -> str:
        """The state: that of the thing while it closes, for it goes before its scope."""
        if self.scope.state in (OPEN, CLOSED):
            return self.scope.state
        state: str = self.thing.node.state
        return state

    def give(self, name: str) -> Any:
        """Give an input."""
        scope = self.scope
        inputs: dict[str, Callable[[], Any]] = {
            "own": lambda: scope.own(object(), close=int),
            "child": lambda: self.child("c", scope),
            "start": lambda: scope.start(int) and None,
            "call_later": lambda: scope.call_later(1, int),
            "looping_call": lambda: scope.looping_call(int, 1),
            "enter": lambda: self.enter(scope),
            "closing": scope.closing,
            "close": scope.close,
            "close at once": lambda: scope.close(0),
            "abort": scope.abort,
            "cancel the last waiter": lambda: self.waiter and self.waiter.cancel(),
            "the thing ends": lambda: self.thing.node.ended(),
            "time passes": lambda: self.run_for(6),
            "read": lambda: (scope.tree(), scope.statistics(), repr(scope), scope.in_flight),
        }
        return inputs[name]()

    @staticmethod
    def enter(scope: Scope) -> None:
        """Enter the block."""
        try:
            scope.__aenter__().send(None)
        except StopIteration:
            pass

    def check(self, state: str, name: str) -> None:
        """What comes of an input is what the table says."""
        self.bring(state)
        before = self.now()
        expected, after = TABLE[name][STATES.index(state)]
        try:
            result = self.give(name)
        except (ResourceDraining, ResourceClosed) as error:
            result = error
        if isinstance(result, ResourceError):
            came = type(result).__name__
        elif isinstance(result, Deferred) and expected in ("waits", "fired"):
            came = "fired" if result.called else "waits"
        else:
            came = "ok"
        self.assertEqual((before, came), (state, expected))
        self.assertEqual(self.now(), before if after == "same" else after)


def _add_test(state: str, name: str) -> None:
    def test(self: TableTests) -> None:
        """The input gives what the table says, and leaves the scope in the state it says."""
        self.check(state, name)

    test.__name__ = f"test_{state}_{name.replace(' ', '_')}"
    setattr(TableTests, test.__name__, test)


for _state in STATES:
    for _name in TABLE:
        _add_test(_state, _name)
