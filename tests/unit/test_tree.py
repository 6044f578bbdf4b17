"""The nodes of the ownership tree, and pictures of them."""

from __future__ import annotations

import dataclasses
import gc
import weakref
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txresource import Scope, root_scope
from txresource.errors import ResourceClosed, ResourceDraining
from txresource.tree import NodeView, alive, type_name


class TreeTests(SynchronousTestCase):
    """What can be read from the tree."""

    def setUp(self) -> None:
        """A scope on a clock; at the end nothing is left on the clock."""
        self.clock = Clock()
        self.scope = Scope(self.clock, "outer")
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(self.scope.abort)

    def test_view(self) -> None:
        """A picture shows kinds, names, ages, states and children in the order of owning."""
        inner = self.inner = self.scope.child("inner")
        self.clock.advance(2)
        inner.call_later(9, int)
        self.scope.own(object(), name="it", close=int)
        view = self.scope.tree()
        self.assertEqual(
            [(c.kind, c.name, c.age) for c in view.children],
            [("scope", "inner", 2.0), ("thing", "it", 0.0)],
        )
        self.assertEqual(view.children[0].children[0].kind, "timer")
        self.assertEqual({view.state, view.children[0].state}, {"open"})

    def test_view_names_the_line(self) -> None:
        """Each node shows the line of the caller that made it, its literals masked."""
        self.scope.own(object(), name="a secret", close=int)
        created = self.scope.tree().children[0].created_at or ""
        self.assertIn("test_tree.py:", created)
        self.assertIn("in test_view_names_the_line", created)
        self.assertNotIn("secret", created)

    def test_text(self) -> None:
        """As text the tree is a line for each node, indented by depth."""
        inner = self.inner = self.scope.child("inner")
        inner.own(object(), name="deep", close=int)
        lines = str(self.scope.tree()).splitlines()
        self.assertEqual([len(line) - len(line.lstrip()) for line in lines], [0, 2, 4])
        self.assertTrue(lines[0].startswith("scope outer  open, 0.0 s"))

    def test_text_of_a_line(self) -> None:
        """A line says kind, name, state, age and the line of code; not the last where none is known."""
        known = NodeView("port", "web", 2.25, "open", "app.py:3 in main", ())
        self.assertEqual(str(known), "port web  open, 2.2 s  [app.py:3 in main]")
        self.assertEqual(str(dataclasses.replace(known, created_at=None)), "port web  open, 2.2 s")

    def test_named_after_its_type(self) -> None:
        """What got no name goes by that of its type."""
        self.scope.own(Clock(), close=int)
        self.assertEqual(self.scope.tree().children[0].name, "twisted.internet.task.Clock")

    def test_view_is_frozen_and_free(self) -> None:
        """A picture cannot be changed and keeps nothing alive."""

        class Thing:
            pass

        thing = Thing()
        gone = weakref.ref(thing)
        self.scope.own(thing, close=int)
        view = self.scope.tree()
        self.assertRaises(dataclasses.FrozenInstanceError, setattr, view, "name", "x")
        self.scope.close()
        del thing
        self.assertIsNone(gone())
        self.assertEqual(len(view.children), 1)

    def test_root_shows_all(self) -> None:
        """The root's tree holds every scope that was made without a parent."""
        self.assertEqual([c.name for c in root_scope(self.clock).tree().children], ["outer"])

    def test_states_refuse_by_name(self) -> None:
        """While draining the refusal says so by its type; when closed, by another."""
        stuck: Deferred[None] = Deferred(lambda _: None)
        task = self.scope.own(stuck)
        self.scope.close(1)
        self.assertRaises(ResourceDraining, self.scope.child, "late")
        stuck.callback(None)
        error = self.assertRaises(ResourceClosed, self.scope.child, "late")
        self.assertNotIsInstance(error, ResourceDraining)
        self.assertIsNone(self.successResultOf(task))

    def test_alive(self) -> None:
        """Waiting has a sense for a clock, and for a reactor that runs or may still run."""

        class Reactor:
            running = False

        reactor: Any = Reactor()
        self.assertTrue(alive(self.clock))
        self.assertTrue(alive(reactor))
        reactor._startedBefore = True
        self.assertFalse(alive(reactor))
        reactor.running = True
        self.assertTrue(alive(reactor))

    def test_alive_without_running(self) -> None:
        """What does not say whether it runs is taken to run, though it was started before."""

        class Reactor:
            _startedBefore = True

        self.assertTrue(alive(Reactor()))

    def test_type_names(self) -> None:
        """A type is named with its module, a built-in one without."""
        self.assertEqual(type_name(int), "int")
        self.assertEqual(type_name(Clock), "twisted.internet.task.Clock")

    def test_freed_without_collector(self) -> None:
        """A closed scope, its node and its close are freed with the collector off."""
        gc.disable()
        self.addCleanup(gc.enable)
        scope = Scope(self.clock, "brief")
        below = scope.child("below")
        below.call_later(9, int)
        scope.own(object(), close=int)
        node = scope._node
        self.successResultOf(scope.close())
        self.assertIsNotNone(node.run)
        gone = weakref.ref(node)
        del scope, node, below
        self.assertIsNone(gone())

    def test_root_freed_without_collector(self) -> None:
        """A clock is freed with its root when all is closed, with the collector off."""
        gc.disable()
        self.addCleanup(gc.enable)
        clock = Clock()
        self.successResultOf(Scope(clock, "brief").close())
        gone = weakref.ref(clock)
        del clock
        self.assertIsNone(gone())
