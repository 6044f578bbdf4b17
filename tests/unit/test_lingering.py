"""The linger and the last call, before the drain pass."""

from __future__ import annotations

from typing import Any

from tests.unit.closing_case import ClosingCase, Probe, ProbeCloser
from txresource import Scope, register_closer, root_scope
from txresource.errors import ResourceClosed, ResourceDraining
from txresource.root import root_node
from txresource.tree import Node


class Asked(Probe):
    """A probe of a kind that takes part before the drain pass."""

    kind = "asked"


class AskedCloser(ProbeCloser):
    """Writes down what comes before the drain pass."""

    def linger(self, node: Node) -> None:
        """As told."""
        node.thing.hears("linger", None)

    def accept(self, node: Node) -> None:
        """As told."""
        node.thing.hears("accept", None)

    def hear(self, node: Node) -> None:
        """As told."""
        node.thing.hears("hear", None)


register_closer(Asked, AskedCloser("asked"))


class LingerCase(ClosingCase):
    """A scope with a grace of 4 s, of which it lingers for 2."""

    def setUp(self) -> None:
        """Make it."""
        super().setUp()
        self.scope.linger = 2


class LingerTests(LingerCase):
    """``linger``."""

    def test_goes_on(self) -> None:
        """Who waits for the end is told, all else goes on; the drain pass comes when it is over."""
        inner = self.child("inner")
        told = [scope.closing() for scope in (self.scope, inner)]
        self.own("one", inner)
        closed = self.scope.close()
        for each in told:
            self.successResultOf(each)
        self.successResultOf(inner.closing())
        self.assertEqual((self.heard, self.scope.state, inner.state), ([], "open", "open"))
        self.own("two")
        self.run_for(1.9)
        self.assertEqual(self.heard, [])
        self.assertRegex(self.scope.closed_by or "", "test_lingering.py")
        self.run_for(0.2)
        self.assertEqual(self.heard[:2], ["drain two", "drain one"])
        self.successResultOf(closed)
        self.assertRaises(ResourceClosed, self.own, "three")

    def test_part_of_the_grace(self) -> None:
        """The deadline is the begin plus the grace, with the linger in it."""
        self.own("busy", busy=True)
        closed = self.scope.close()
        self.run_for(3.9)
        self.assertEqual(self.heard, ["drain busy"])
        self.run_for(1.2)
        self.assertIn("close busy", self.heard)
        self.successResultOf(closed)

    def test_nothing_to_wait_for(self) -> None:
        """A scope that owns nothing closes at once."""
        self.successResultOf(self.scope.close())

    def test_shorter_grace(self) -> None:
        """A grace that is shorter, from the begin or later on, shortens the linger."""
        for graces in ((0.5,), (None, 0.5)):
            scope = Scope(self.clock, "short", grace=4, linger=2)
            scope.own(Probe(self, "one"))
            closed = [scope.close(grace) for grace in graces]
            self.run_for(0.4)
            self.assertEqual(scope.state, "open")
            self.run_for(0.2)
            for each in closed:
                self.successResultOf(each)

    def test_abort(self) -> None:
        """An abort ends the linger and everything else, and there is no last call."""
        self.own("one", kind=Asked)
        closed = self.scope.close()
        self.scope.abort()
        self.successResultOf(closed)
        self.assertEqual(self.heard, ["linger one", "drain one", "abort one"])

    def test_parent_closes(self) -> None:
        """When a parent closes, what lingers below is drained with it."""
        inner = Scope(self.clock, "inner", parent=self.scope, linger=3)
        self.scope.linger = 0
        self.own("one", inner)
        self.own("two")
        inside, outside = inner.close(), self.scope.close()
        self.assertEqual(self.heard[:2], ["drain two", "drain one"])
        self.successResultOf(inside)
        self.successResultOf(outside)

    def test_child_closes(self) -> None:
        """What is closed below a scope that lingers is closed now."""
        inner = self.child("inner")
        self.own("one", inner)
        self.own("two")
        closed = self.scope.close()
        self.successResultOf(inner.close())
        self.assertEqual(self.heard, ["drain one", "close one"])
        self.run_for(2.1)
        self.successResultOf(closed)

    def test_closed_again(self) -> None:
        """Another call of ``close`` changes nothing about it."""
        self.own("one")
        closed = [self.scope.close(), self.scope.close(), self.scope.close(3)]
        self.run_for(1.9)
        self.assertEqual((self.heard, self.scope.state), ([], "open"))
        self.run_for(0.2)
        self.assertEqual(self.heard, ["drain one", "close one"])
        for each in closed:
            self.successResultOf(each)

    def test_aborts_when_told(self) -> None:
        """A listener may abort the close that tells it."""
        self.own("one")
        self.scope.closing().addCallback(lambda _: self.scope.abort())
        self.successResultOf(self.scope.close())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_bad_numbers(self) -> None:
        """A linger that is not a part of the grace is refused in one sentence."""
        for grace, linger in ((4, 4), (4, 5), (4, -1), (None, -1), (4, float("nan"))):
            error = self.assertRaises(
                ValueError, Scope, self.clock, "bad", grace=grace, linger=linger
            )
            self.assertIn("linger is a ", str(error))
        self.assertRaises(ValueError, setattr, self.scope, "linger", 4)
        unbounded = Scope(self.clock, "unbounded", grace=None, linger=100)
        self.assertEqual(unbounded.linger, 100)
        unbounded.abort()


class RootTests(LingerCase):
    """The linger of a reactor's root."""

    def test_opens_until_it_drains(self) -> None:
        """While the root lingers because the reactor stops, things are opened; then no more."""
        clock: Any = self.clock
        triggers: list[Any] = []
        clock.addSystemEventTrigger = lambda *args: triggers.append(args)
        clock.removeSystemEventTrigger = lambda _: None
        root = root_node(self.clock)
        root_scope(self.clock).linger = 1
        self.own("one", busy=True)
        closed = root.shutdown()
        Scope(self.clock, "late").close()
        self.run_for(1.1)
        self.assertEqual(self.scope.state, "draining")
        self.assertRaises(ResourceClosed, Scope, self.clock, "too late")
        self.run_for(5)
        self.successResultOf(closed)


class LastCallTests(ClosingCase):
    """The last call."""

    def test_before_the_drain_pass(self) -> None:
        """Everywhere what has come is accepted, then heard; only then anything is told to end."""
        inner = self.child("inner")
        self.own("one", inner, kind=Asked)
        late: list[Probe] = []
        self.own("two", kind=Asked, accept=lambda: late.append(self.own("new", kind=Asked)))
        self.successResultOf(self.scope.close())
        self.assertEqual(self.heard[0], "accept two")
        self.assertIn("accept one", self.heard[:3])
        drained = min(self.heard.index(f"drain {name}") for name in ("one", "two", "new"))
        heard = [step for step in self.heard[:drained] if step.startswith("hear")]
        self.assertEqual(sorted(heard), ["hear new", "hear one", "hear two"])

    def test_error(self) -> None:
        """An error in it is told, and stops nothing."""
        self.own("one", kind=Asked, hear=ValueError())
        self.own("two", kind=Asked)
        self.failureResultOf(self.scope.close(), ValueError)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertIn("close one", self.heard)

    def test_closes_from_inside(self) -> None:
        """Who is heard may close or abort the scope that hears."""
        for act in (self.scope.close, self.scope.abort):
            scope = Scope(self.clock, "again", grace=4)
            self.own("one", scope, kind=Asked, hear=getattr(scope, act.__name__))
            self.successResultOf(scope.close())
            self.assertEqual(scope.state, "closed")

    def test_not_below_what_closes(self) -> None:
        """What closes on its own has had its last call."""
        inner = self.child("inner")
        self.own("one", inner, kind=Asked, busy=True)
        inner.close()
        self.heard.clear()
        self.scope.close()
        self.assertNotIn("hear one", self.heard)
        self.assertRaises(ResourceDraining, inner.own, object(), close=int)
        self.run_for(6)
