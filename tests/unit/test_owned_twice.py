"""Owning twice, what has ended, and from a scope that closes: the same for every kind of thing."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.kinds import KINDS, Closeable, Kind
from tests.unit.listening import ListeningClock, Wire
from txresource import Scope
from txresource.errors import ResourceClosed, ResourceDraining, ResourceError
from txresource.root import root_node

#: Seconds after which a thread is taken for hung; never reached when all is well.
HANG = 30.0


def each_kind(test: Callable[[Any, Kind], None]) -> Callable[[OwnedTwiceTests], None]:
    """Make a test that tries all kinds, and names the one that fails."""

    @wraps(test)
    def tries(case: OwnedTwiceTests) -> None:
        for make in KINDS:
            try:
                case.check(make, test)
            except Exception as error:
                raise AssertionError(f"{make.__name__}: {error}") from error

    return tries


class OwnedTwiceTests(SynchronousTestCase):
    """Each kind of thing, in the same situations."""

    def check(self, make: Callable[[Any], Kind], test: Callable[[Any, Kind], None]) -> None:
        """Try one kind, with a clock and two scopes of its own; nothing is left of it afterwards."""
        self.clock = ListeningClock()
        self.first = Scope(self.clock, "first", grace=0.2)
        self.second = Scope(self.clock, "second", grace=0.2)
        kind = make(self.clock)
        test(self, kind)
        self.close(self.first, kind)
        self.close(self.second, kind)
        self.assertEqual(root_node(self.clock).owned, {})
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def close(self, scope: Scope, kind: Kind | None = None) -> None:
        """Close a scope, and let what it closed end."""
        closed = scope.close()
        self.let_end(kind)
        self.successResultOf(closed)

    def let_end(self, kind: Kind | None = None) -> None:
        """Let what was closed come to its end."""
        for thread in () if kind is None else kind.threads():
            thread.join(HANG)
        self.clock.pump([0.1] * 9)

    def owned(self, scope: Scope) -> list[str]:
        """The names of what a scope owns."""
        return [view.name for view in scope.tree().children]

    @each_kind
    def test_by_the_same_scope(self, kind: Kind) -> None:
        """It has one node, with the later name, and is closed once."""
        used = kind.own(self.first, "a")
        self.assertIs(kind.own(self.first, "b"), used)
        self.assertEqual(self.owned(self.first), ["b"])
        self.assertIs(kind.own(self.first), used)
        self.assertEqual(self.owned(self.first), ["b"])
        self.close(self.first, kind)
        self.assertEqual(kind.closed(), 1)

    @each_kind
    def test_by_another_scope(self, kind: Kind) -> None:
        """It moves there: the former owner's close leaves it alone, the later one's closes it once."""
        used = kind.own(self.first, "it")
        self.assertIs(kind.own(self.second), used)
        self.assertEqual((self.owned(self.first), self.owned(self.second)), ([], ["it"]))
        self.close(self.first)
        self.assertEqual((kind.closed(), self.owned(self.second)), (0, ["it"]))
        self.close(self.second, kind)
        self.assertEqual(kind.closed(), 1)

    @each_kind
    def test_after_its_end(self, kind: Kind) -> None:
        """What has ended never enters the tree, owned before its end or not."""
        if kind.end is not None:
            kind.end()
            self.clock.pump([0.1] * 9)
            closed = kind.closed()
            used = kind.own(self.first)
            self.assertTrue(used is kind.thing or isinstance(used, Deferred))
            self.assertEqual(self.owned(self.first), [])
            self.close(self.first)
            self.assertEqual(kind.closed(), closed)

    @each_kind
    def test_ends_after_it_has_moved(self, kind: Kind) -> None:
        """What ends when it has moved leaves the later owner, where it tells of its end."""
        if kind.end is not None and kind.tells:
            kind.own(self.first)
            kind.own(self.second)
            kind.end()
            self.clock.pump([0.1] * 9)
            self.assertEqual(self.owned(self.second), [])

    def begin_to_close(self, scope: Scope) -> Callable[[], None]:
        """Have a scope that is closing; what is returned lets it come to its end."""
        waits: Deferred[None] = Deferred()
        scope.start(waits)
        scope.close()
        return lambda: waits.callback(None)

    @each_kind
    def test_by_a_scope_that_closes(self, kind: Kind) -> None:
        """It is refused, and closed at once."""
        self.begin_to_close(self.first)
        self.assertRaises(ResourceDraining, kind.own, self.first)
        self.let_end(kind)
        self.assertEqual(kind.closed(), 1)

    @each_kind
    def test_by_a_scope_that_closes_and_another_owner(self, kind: Kind) -> None:
        """It is refused, and closed at once; the other owner lets go of it."""
        kind.own(self.second)
        self.begin_to_close(self.first)
        self.assertRaises(ResourceDraining, kind.own, self.first)
        self.let_end(kind)
        self.assertEqual((kind.closed(), self.owned(self.second)), (1, []))

    @each_kind
    def test_by_a_closed_scope(self, kind: Kind) -> None:
        """It is refused, and closed at once."""
        self.close(self.first)
        self.assertRaises(ResourceClosed, kind.own, self.first)
        self.let_end(kind)
        self.assertEqual(kind.closed(), 1)

    @each_kind
    def test_again_by_its_owner_that_closes(self, kind: Kind) -> None:
        """It is refused, unless it has ended by then, and closed once."""
        kind.own(self.first, "it")
        go_on = self.begin_to_close(self.first)
        if "it" in self.owned(self.first):
            self.assertRaises(ResourceDraining, kind.own, self.first)
        else:
            kind.own(self.first)
        go_on()
        self.close(self.first, kind)
        self.assertEqual(kind.closed(), 1)

    @each_kind
    def test_what_is_being_closed(self, kind: Kind) -> None:
        """It stays where it is being closed, and is closed once."""
        kind.own(self.first)
        go_on = self.begin_to_close(self.first)
        kind.own(self.second)
        go_on()
        self.close(self.first, kind)
        self.close(self.second)
        self.assertEqual(kind.closed(), 1)

    @each_kind
    def test_in_the_tree_of_another_reactor(self, kind: Kind) -> None:
        """It is refused in words, and stays as it was."""
        kind.own(self.first, "it")
        elsewhere = Scope(ListeningClock(), "elsewhere")
        error = self.assertRaises(ResourceError, kind.own, elsewhere)
        self.assertIn("it is owned already, in the tree of another reactor", str(error))
        self.assertEqual((self.owned(elsewhere), self.owned(self.first)), ([], ["it"]))
        self.assertEqual(kind.closed(), 0)
        elsewhere.abort()


class IdentityTests(SynchronousTestCase):
    """What is the same thing, and what is not."""

    def setUp(self) -> None:
        """Two scopes on a clock."""
        self.clock = ListeningClock()
        self.first, self.second = Scope(self.clock, "first"), Scope(self.clock, "second")
        self.calls: list[str] = []
        self.addCleanup(self.second.abort)
        self.addCleanup(self.first.abort)

    def test_another_close(self) -> None:
        """With ``close=`` the function counts, too: each is called once."""
        thing = Closeable()
        for close in (thing.close, thing.close, thing.abort, lambda: self.calls.append("x")):
            self.first.own(None, close=close)
        self.first.own(thing)
        self.assertEqual(len(self.first.tree().children), 4)
        self.first.close()
        self.assertEqual((thing.count, self.calls), (2, ["x"]))

    def test_a_callable_without_a_hash(self) -> None:
        """Whatever can be called will do for ``close=``."""

        class Close(list[int]):
            def __call__(self) -> None:
                self.append(1)

        close = Close()
        self.first.own(None, close=close)
        self.second.own(None, close=close)
        self.first.close()
        self.assertEqual(close, [])
        self.second.close()
        self.assertEqual(close, [1])

    def test_started_and_owned(self) -> None:
        """A Deferred that is owned, and that a function which is started returns, is one task."""
        work: Deferred[str] = Deferred()
        task = self.first.own(work)
        self.assertIs(self.second.start(lambda: work), task)
        self.assertIs(self.first.start(work), task)
        work.callback("result")
        self.assertEqual(self.successResultOf(task), "result")

    def test_by_what_it_owns(self) -> None:
        """A factory cannot be owned by a connection of its own."""
        factory = self.first.own(Factory.forProtocol(Protocol))
        wire: Wire = self.clock.listenTCP(0, factory).accept()
        (node,) = root_node(self.clock).owned[id(factory)].children or ()
        error = self.assertRaises(ResourceError, Scope._of(node).own, factory)
        self.assertIn("which cannot own it", str(error))
        self.assertEqual(wire.asked, [])
        self.first.close()
        self.clock.advance(0)
        self.assertEqual(wire.asked, ["lose"])
