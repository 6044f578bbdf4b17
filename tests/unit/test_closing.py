"""The two passes: their order and their budgets."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.unit.closing_case import ClosingCase, OtherProbe, Probe
from txresource import Scope
from txresource.errors import ResourceClosed, ResourceDraining
from txresource.tree import WATCHED


class PassesTests(ClosingCase):
    """Drain goes down, release comes up."""

    def test_order(self) -> None:
        """All is told before anything is closed; both passes go newest first, children first."""
        self.own("a")
        inner = self.child("inner")
        self.own("b", inner)
        self.own("c")
        self.successResultOf(self.scope.close())
        self.assertEqual(
            self.heard, ["drain c", "drain b", "drain a", "close c", "close b", "close a"]
        )

    def test_readiness_before_intake(self) -> None:
        """Who waits for the begin of the end, anywhere in the tree, hears of it before any drain."""
        inner = self.child("inner")
        deep = self.child("deep", inner)
        self.own("port")
        for scope in (deep, self.scope, inner):
            label = f"closing {scope._node.label()}"
            scope.closing().addCallback(lambda _, label=label: self.heard.append(label))
        self.own("port", deep)
        self.successResultOf(self.scope.close())
        self.assertEqual(
            self.heard[:5],
            ["closing closing", "closing inner", "closing deep", "drain port", "drain port"],
        )

    def test_listener_of_a_child_closes_the_parent(self) -> None:
        """A listener may begin a wider close; everybody is told once, and before any drain."""
        inner = self.child("inner")
        self.own("x", inner)
        self.own("y")
        self.scope.closing().addCallback(lambda _: self.heard.append("top"))
        inner.closing().addCallback(lambda _: self.scope.close())
        inner.closing().addCallback(lambda _: self.heard.append("second"))
        self.successResultOf(inner.close())
        self.assertEqual(self.heard.count("drain x"), 1)
        self.assertEqual(self.heard.count("drain y"), 1)
        self.assertEqual(self.scope.state, "closed")

    def test_neighbours_are_a_batch(self) -> None:
        """Neighbours of one kind close at the same time; an older kind waits for them."""
        first: list[Deferred[None]] = [Deferred(), Deferred()]
        self.own("old", kind=OtherProbe)
        self.own("a", close=first[0])
        self.own("b", close=first[1])
        closed = self.scope.close()
        self.assertEqual(self.heard[3:], ["close b", "close a"])
        first[0].callback(None)
        self.assertNotIn("close old", self.heard)
        first[1].callback(None)
        self.assertEqual(self.heard[-1], "close old")
        self.successResultOf(closed)

    def test_nothing_new(self) -> None:
        """When the first thing is told, everything in the subtree refuses new things already."""
        inner, deep = self.child("inner"), self.child("deep", self.child("mid"))
        refused: list[str] = []

        def told() -> bool:
            for scope in (self.scope, inner, deep):
                try:
                    self.own("late", scope)
                except ResourceDraining:
                    refused.append(scope.state)
            return False

        self.own("x", inner)
        self.own("last", drain=told)
        self.own("y", deep)
        self.successResultOf(self.scope.close())
        self.assertEqual(refused, ["draining"] * 3)

    def test_refused_is_closed(self) -> None:
        """What a closing scope refuses is closed at once, and is in no account of the scope."""
        waits: Deferred[None] = Deferred()
        self.own("busy", close=waits)
        closed = self.scope.close()
        ended: list[int] = []
        self.assertRaises(ResourceDraining, self.own, "late")
        self.assertRaises(ResourceDraining, self.scope.own, object(), close=lambda: ended.append(1))
        self.assertIn("close late", self.heard)
        self.assertEqual(ended, [1])
        waits.callback(None)
        self.successResultOf(closed)
        self.assertEqual(self.outcome().closed, {"probe": 1})
        self.assertRaises(ResourceClosed, self.own, "later")
        self.assertEqual(self.heard[-1], "close later")

    def test_told_once(self) -> None:
        """A parent that begins to close while a child is telling its own tells nothing twice."""
        inner = self.child("inner")
        probe = self.own("x", inner, busy=True)
        inner.closing().addCallback(lambda _: self.scope.close())
        closed = inner.close()
        probe.does["busy"] = False
        self.run_for(0.1)
        self.successResultOf(closed)
        self.assertEqual(self.heard.count("drain x"), 1)
        self.assertEqual(self.scope.state, "closed")

    def test_closes_from_inside_the_passes(self) -> None:
        """A thing may close or abort the scope when it is told, or closed."""
        for step in ("drain", "close"):
            for end in ("close", "abort"):
                scope = self.child(step + end)
                does: Any = {step: lambda s=scope, e=end: getattr(s, e)() and None}
                self.own("x", scope, **does)
                self.own("y", scope)
                self.successResultOf(scope.close())
                self.assertEqual((scope.state, scope.tree().children), ("closed", ()))

    def test_child_closes_first(self) -> None:
        """A child that closes on its own when the parent begins is joined, and counted above."""
        inner = self.child("inner")
        deep = self.child("deep", inner)
        waits: Deferred[None] = Deferred()
        self.own("x", deep, close=waits)
        first = inner.close()
        closed = self.scope.close(1)
        self.run_for(1)
        self.assertNoResult(first)
        waits.callback(None)
        self.successResultOf(first)
        self.successResultOf(closed)
        self.assertEqual(self.outcome().closed, {"probe": 1})

    def test_goes_before_its_turn(self) -> None:
        """Who waits for a part that goes by itself, before its turn to close, is told."""
        holder = self.own("holder")
        inner = Scope._of(holder.node)
        probe = self.own("x", inner, busy=True)
        self.own("newer", kind=OtherProbe, drain=True)
        closed = self.scope.close()
        waiter = inner.close()
        probe.node.ended()
        holder.node.ended()
        self.successResultOf(waiter)
        self.assertNoResult(closed)
        self.scope.abort()
        self.successResultOf(closed)

    def test_ends_by_itself_meanwhile(self) -> None:
        """What goes by itself while it is waited for is counted as closed."""
        probe = self.own("x", close=WATCHED)
        closed = self.scope.close()
        self.assertNoResult(closed)
        probe.node.ended()
        self.successResultOf(closed)
        self.assertEqual(self.outcome().closed, {"probe": 1})


class BudgetTests(ClosingCase):
    """One deadline over all."""

    def test_soft_then_abort(self) -> None:
        """What was told has until the deadline, not longer; then it is aborted."""
        self.own("x", drain=True)
        closed = self.scope.close()
        self.run_for(3.9)
        self.assertNotIn("abort x", self.heard)
        self.run_for(0.2)
        self.assertEqual(self.heard, ["drain x", "abort x"])
        self.successResultOf(closed)
        self.assertEqual(self.outcome().aborted, {"probe": 1})

    def test_no_grace_of_its_own(self) -> None:
        """A scope without a grace of its own, whose parent stays open, has five seconds."""
        scope = self.child("free", grace=None)
        self.own("x", scope, drain=True)
        scope.close()
        self.run_for(4.9)
        self.assertNotIn("abort x", self.heard)
        self.run_for(0.2)
        self.assertIn("abort x", self.heard)

    def test_asked_for_inside_a_parents_close(self) -> None:
        """A close that somebody asks for does not wait for its turn in the close of a parent."""
        early = self.child("early")
        self.own("e", early)
        newer = self.own("newer", busy=True)
        closed = self.scope.close()
        self.assertEqual(self.heard, ["drain newer", "drain e"])
        self.successResultOf(early.close())
        self.assertEqual(self.heard[-1], "close e")
        newer.does["busy"] = False
        self.run_for(0.1)
        self.successResultOf(closed)
        self.assertEqual(self.outcome().closed, {"probe": 2})

    def test_orphans_have_what_the_parent_has_left(self) -> None:
        """What a thing leaves behind when it ends in a close has no more time than that close."""
        lost = self.own("lost", busy=True)
        self.own("below", Scope._of(lost.node), drain=True, busy=True)
        closed = self.scope.close()
        self.run_for(3)
        lost.node.ended()
        self.run_for(0.9)
        self.assertNotIn("abort below", self.heard)
        self.run_for(0.2)
        self.successResultOf(closed)
        self.assertEqual(self.outcome().aborted, {"probe": 1})
        self.assertEqual(self.outcome().closed, {"probe": 1})

    def test_busy_until_idle(self) -> None:
        """What is busy is closed softly soon after it is not busy any more."""
        probe = self.own("x", busy=True)
        closed = self.scope.close()
        self.run_for(2)
        self.assertEqual(self.heard, ["drain x"])
        probe.does["busy"] = False
        self.run_for(0.1)
        self.assertEqual(self.heard, ["drain x", "close x"])
        self.successResultOf(closed)

    def test_bounded(self) -> None:
        """Whatever nothing can end is abandoned, newest first, within grace and 1.5 s."""
        for number in range(6):
            kind = (Probe, OtherProbe)[number % 2]
            self.own(f"p{number}", kind=kind, drain=True, stuck=True)
        closed = self.scope.close()
        self.run_for(5.4)
        self.assertNoResult(closed)
        self.run_for(0.2)
        self.successResultOf(closed)
        self.assertEqual(self.outcome().abandoned[0].what, "other p5")
        self.assertEqual(len(self.outcome().abandoned), 6)

    def test_stuck_sibling(self) -> None:
        """A stuck sibling, even one that ignores its abort, cannot eat another's time."""
        waits: Deferred[None] = Deferred()
        self.own("old", kind=OtherProbe, close=waits)
        self.own("stuck", drain=True, stuck=True)
        closed = self.scope.close()
        self.run_for(4.9)
        self.assertEqual(self.heard[-1], "close old")
        waits.callback(None)
        self.successResultOf(closed)
        self.assertEqual(self.outcome().closed, {"other": 1})

    def test_nested_budgets(self) -> None:
        """A child's grace is its own or what its parent has left, whichever is shorter."""
        middle = self.child("middle", grace=9)
        self.own("m", middle, drain=True)
        inner = self.child("inner", middle, grace=2)
        rest = self.child("rest", middle, grace=None)
        for name, scope in (("i", inner), ("r", rest)):
            self.own(name, scope, drain=True)
        aborts: dict[str, float] = {}
        closed = self.scope.close()
        for _ in range(45):
            self.clock.advance(0.1)
            for line in self.heard:
                if line.startswith("abort"):
                    aborts.setdefault(line[-1], round(self.clock.seconds(), 1))
        self.successResultOf(closed)
        self.assertEqual(aborts, {"i": 2.0, "m": 4.0, "r": 4.0})

    def test_own_grace_beside_a_newer_one(self) -> None:
        """A child's shorter grace is over in time, though something newer still has its own."""
        inner = self.child("inner", grace=1)
        self.own("x", inner, drain=True)
        late = self.child("late", grace=1)
        self.own("z", late, drain=True)
        self.own("newer", kind=OtherProbe, drain=True)
        closed = self.scope.close()
        late.close(0.5)
        self.run_for(0.6)
        self.assertEqual(self.heard[-1], "abort z")
        self.run_for(0.5)
        self.assertEqual((self.heard[-1], inner.state), ("abort x", "closed"))
        self.assertNoResult(closed)
        self.run_for(3)
        self.successResultOf(closed)
        self.assertEqual(self.outcome().aborted, {"probe": 2, "other": 1})

    def test_deep_and_stuck(self) -> None:
        """Three levels down, what will not go is named itself, not the scopes that hold it."""
        scope = self.scope
        for name in ("one", "two", "three"):
            scope = self.child(name, scope, grace=None)
            self.own(f"in {name}", scope, drain=True, stuck=True)
        closed = self.scope.close()
        self.run_for(5.6)
        self.successResultOf(closed)
        self.assertEqual(
            sorted(gone.what for gone in self.outcome().abandoned),
            ["probe in one", "probe in three", "probe in two"],
        )

    def test_given_grace_goes_before_own(self) -> None:
        """The grace given to the first ``close`` stands instead of the scope's own."""
        self.own("x", drain=True)
        self.scope.close(6)
        self.run_for(5.9)
        self.assertNotIn("abort x", self.heard)
        self.run_for(0.2)
        self.assertIn("abort x", self.heard)

    def test_later_grace_shortens(self) -> None:
        """A later, shorter grace wakes the first waiter; a longer one changes nothing."""
        self.own("x", self.child("deep", self.child("inner")), drain=True)
        first = self.scope.close()
        second = self.scope.close(9)
        self.run_for(0.5)
        third = self.scope.close(1)
        self.run_for(0.9)
        self.assertNoResult(first)
        self.run_for(0.2)
        for waiter in (first, second, third):
            self.successResultOf(waiter)

    def test_dead_reactor(self) -> None:
        """With a reactor that has stopped, a close is done, by abort, when it returns."""

        class DeadReactor:
            running = False
            _startedBefore = True
            seconds = staticmethod(Clock().seconds)
            callLater = None

        scope = Scope(DeadReactor(), "dead")
        self.own("x", scope, drain=True)
        self.own("y", scope, drain=True, stuck=True)
        self.successResultOf(scope.close())
        self.assertEqual(self.outcome(scope).aborted, {"probe": 1})
        self.assertEqual(len(self.outcome(scope).abandoned), 1)
