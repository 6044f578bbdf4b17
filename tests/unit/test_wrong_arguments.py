"""A wrong argument gets one sentence that says what to write, before anything has changed."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from twisted.application.service import Application, Service
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txresource import (
    CareService,
    ManagedFactoryMixin,
    ManagedProtocolMixin,
    ManagedServiceMixin,
    Scope,
    WeakLoopingCall,
    register_closer,
    root_scope,
    weakly,
    when_collected,
)
from txresource.leaks import LeakMonitor, take_snapshot
from txresource.registry import BaseCloser, find_closer

NAN, INFINITE = float("nan"), float("inf")


def function() -> None:
    """Do nothing."""


async def coroutine() -> None:
    """Wait for nothing."""


def generator() -> Iterator[int]:
    """Lack ``inlineCallbacks``."""
    raise AssertionError("nobody runs it")
    yield


async def stream() -> AsyncIterator[int]:
    """Yield in a coroutine."""
    raise AssertionError("nobody runs it")
    yield


class Thing:
    """Nothing that a scope knows."""

    def method(self) -> None:
        """Do nothing."""


class ThingCloser(BaseCloser):
    """A closer that somebody forgot to make an instance of."""


class Bare(ManagedProtocolMixin):
    """No protocol."""


class BareFactory(ManagedFactoryMixin):
    """No factory."""


class BareService(ManagedServiceMixin):
    """No service."""


class Hasty(ManagedServiceMixin, Service):
    """A service with a wrong grace."""

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.grace: Any = "5"


#: What is called with the case's clock and scope, and what the answer must say.
Wrong = tuple[Callable[[Any, Any], Any], type[Exception], str]

MAKING: list[Wrong] = [
    (lambda c, s: Scope("name", c), TypeError, "the reactor, or a clock, comes first, not an"),
    (lambda c, s: Scope(c), TypeError, "missing 1 required positional argument: 'name'"),
    (lambda c, s: Scope(Clock, "x"), TypeError, "not the class Clock: write Scope(reactor,"),
    (lambda c, s: Scope(None, "x"), TypeError, 'not None: write Scope(reactor, "name")'),
    (lambda c, s: Scope(s, "x"), TypeError, 'type Scope: write Scope(reactor, "name"), or parent.'),
    (lambda c, s: Scope(c, s), TypeError, "the name of a scope is a str, not an object of type S"),
    (lambda c, s: Scope(c, "x", parent=c), TypeError, "parent is a Scope, not an object of type C"),
    (lambda c, s: Scope(Clock(), "x", parent=s), ValueError, "reactor: write parent.child(name)"),
    (
        lambda c, s: s.child(c),
        TypeError,
        'not an object of type Clock: write Scope(reactor, "name"',
    ),
    (lambda c, s: root_scope("x"), TypeError, "the reactor, or a clock, comes first"),
    (lambda c, s: Scope(c, "x", grace="5"), TypeError, "0 or more, or None (all that the parent"),
    (lambda c, s: Scope(c, "x", grace=-1), ValueError, "grace is a number of seconds, 0 or more"),
    (lambda c, s: Scope(c, "x", grace=NAN), ValueError, "(all that the parent has left), not nan"),
    (lambda c, s: Scope(c, "x", grace=INFINITE), ValueError, "parent has left), not inf"),
    (lambda c, s: Scope(c, "x", grace=True), ValueError, "parent has left), not True"),
    (lambda c, s: s.child("x", grace=-1), ValueError, "grace is a number of seconds"),
    (lambda c, s: setattr(s, "grace", "x"), TypeError, "grace is a number of seconds"),
]

OWNING: list[Wrong] = [
    (lambda c, s: s.own(Thing(), close=3), TypeError, "close= takes a callable, not 3: pass the"),
    (lambda c, s: s.own(Thing(), close=Deferred()), TypeError, "method without calling it"),
    (
        lambda c, s: s.own(s),
        TypeError,
        "not own an object of type Scope: make it with scope.child(",
    ),
    (lambda c, s: s.own(root_scope(c)), TypeError, 'make it with scope.child("name")'),
    (lambda c, s: s.own(None), TypeError, "cannot own None: pass what is to be closed"),
    (lambda c, s: s.own(Thing), TypeError, "cannot own the class Thing: pass an instance of it"),
    (lambda c, s: s.own(coroutine), TypeError, "write scope.start(function)"),
    (lambda c, s: s.own(Thing().method), TypeError, "write scope.start(object.method)"),
    (lambda c, s: s.own(coroutine()), TypeError, "type coroutine: write scope.start(coroutine)"),
    (lambda c, s: s.own(generator()), TypeError, "decorate its function with @inlineCallbacks"),
    (lambda c, s: s.own(Protocol()), TypeError, "write scope.own(protocol.transport)"),
    (
        lambda c, s: s.own("x"),
        TypeError,
        "pass close=, a callable that closes it, or call register",
    ),
    (lambda c, s: register_closer(Thing, 3), TypeError, "a closer provides ICloser, not 3: derive"),
    (lambda c, s: register_closer(Thing, function), TypeError, "not the function function: derive"),
    (lambda c, s: register_closer(Thing, ThingCloser), TypeError, "Closer: write ThingCloser()"),
    (lambda c, s: register_closer(3, ThingCloser()), TypeError, "neither a class nor a zope inter"),
]

CALLING: list[Wrong] = [
    (lambda c, s: s.looping_call(1.0, function), TypeError, "write looping_call(function, inter"),
    (lambda c, s: s.looping_call(function, "1"), TypeError, "0 or more, not an object of type str"),
    (lambda c, s: s.looping_call(function, NAN), ValueError, "not nan: write looping_call("),
    (lambda c, s: s.looping_call(function, -1), ValueError, "not -1: write looping_call("),
    (lambda c, s: s.call_later(function, 1), TypeError, "the function is a callable, not 1: write"),
    (
        lambda c, s: s.call_later(1, coroutine()),
        TypeError,
        "type coroutine: write call_later(delay",
    ),
    (lambda c, s: s.call_later("1", function), TypeError, "type str: write call_later(delay, func"),
    (lambda c, s: s.call_later(-1, function), ValueError, "0 or more, not -1: write call_later("),
    (lambda c, s: s.call_later(NAN, function), ValueError, "0 or more, not nan: write call_later("),
    (lambda c, s: s.call_later(INFINITE, function), ValueError, "not inf: write call_later("),
    (
        lambda c, s: s.start(generator),
        TypeError,
        "generator returns a generator, which nobody runs",
    ),
    (lambda c, s: s.start(lambda: generator()), TypeError, "decorate it with @inlineCallbacks"),
    (lambda c, s: s.start(stream), TypeError, "go through it with 'async for' in an async def"),
    (lambda c, s: s.start(stream()), TypeError, "not an object of type async_generator: write sc"),
    (lambda c, s: s.start(3), TypeError, "a task is a callable, a coroutine or a Deferred, not 3"),
    (lambda c, s: s.start(function()), TypeError, "Deferred, not None: write scope.start(function"),
    (lambda c, s: s.run(3), TypeError, "run takes a callable, not 3: write scope.run(function,"),
    (lambda c, s: s.run(generator), TypeError, "decorate it with @inlineCallbacks"),
    (lambda c, s: s.run(stream), TypeError, "go through it with 'async for' in an async def"),
    (lambda c, s: s.close("soon"), TypeError, "(the scope's own), not an object of type str: as a"),
    (lambda c, s: s.close(grace=-1), ValueError, "the scope's own), not -1"),
    (lambda c, s: s.close(NAN), ValueError, "not nan"),
]

ELSEWHERE: list[Wrong] = [
    (lambda c, s: when_collected(Thing(), c), TypeError, "write when_collected(reactor, obj)"),
    (lambda c, s: weakly(function), TypeError, "weakly needs a bound method, not the function fun"),
    (
        lambda c, s: WeakLoopingCall(function),
        TypeError,
        "write WeakLoopingCall(obj.method), or Loop",
    ),
    (lambda c, s: WeakLoopingCall(weakly(Thing().method)), TypeError, "write WeakLoopingCall(obj"),
    (lambda c, s: CareService(c, grace="a"), TypeError, "grace is a number of seconds, 0 or more"),
    (lambda c, s: CareService(c, interval="a"), TypeError, "interval is a number of seconds, 0 or"),
    (
        lambda c, s: CareService(Service()),
        TypeError,
        "Service: write CareService(reactor, service)",
    ),
    (
        lambda c, s: CareService(c, Application("x")),
        TypeError,
        "write CareService(reactor, service)",
    ),
    (lambda c, s: Bare().scope, TypeError, "write class Bare(ManagedProtocolMixin, Protocol)"),
    (
        lambda c, s: BareFactory().scope,
        TypeError,
        "class BareFactory(ManagedFactoryMixin, Factory)",
    ),
    (
        lambda c, s: BareService().scope,
        TypeError,
        "class BareService(ManagedServiceMixin, Service)",
    ),
    (lambda c, s: Hasty(c).scope, TypeError, "grace is a number of seconds, 0 or more, or None"),
    (lambda c, s: LeakMonitor("x"), TypeError, "type str: write LeakMonitor(reactor)"),
    (lambda c, s: LeakMonitor(c, interval=-1), ValueError, "interval is a number of seconds"),
    (lambda c, s: take_snapshot(None), TypeError, "not None: write take_snapshot(reactor)"),
]


class WrongArgumentTests(SynchronousTestCase):
    """Each wrong call of the tables above."""

    def check(self, table: list[Wrong]) -> None:
        """Make each call, compare what it says, and see that it left nothing behind."""
        for number, (call, kind, expected) in enumerate(table):
            clock = Clock()
            scope = Scope(clock, "scope")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # a coroutine that nobody awaits
                said = str(self.assertRaises(kind, call, clock, scope))
            self.assertIn(expected, said, f"number {number}")
            self.assertNotRegex(said, r"\n|[.!]$")
            self.assertEqual((scope.state, scope.grace), ("open", 5.0), said)
            root = root_scope(clock).tree()
            self.assertEqual([child.name for child in root.children], ["scope"], said)
            self.assertEqual(root.children[0].children, (), said)
            self.assertEqual(clock.getDelayedCalls(), [], said)
            self.assertNoResult(scope.closing())
            self.successResultOf(scope.close())
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_making(self) -> None:
        """A scope that cannot be as it was asked for is not made."""
        self.check(MAKING)

    def test_owning(self) -> None:
        """What cannot be owned stays out of the tree, and what is no closer is not registered."""
        self.check(OWNING)
        self.assertRaises(TypeError, find_closer, Thing())

    def test_calling(self) -> None:
        """What cannot be run is not begun, and a close that cannot be is not either."""
        self.check(CALLING)

    def test_elsewhere(self) -> None:
        """The rest of what users import answers alike."""
        self.check(ELSEWHERE)

    def test_scope_is_usable_after_a_refusal(self) -> None:
        """A scope that refused something takes and closes things as before."""
        clock = Clock()
        scope = Scope(clock, "scope")
        self.assertRaises(TypeError, scope.start, 3)
        self.assertRaises(TypeError, scope.close, "soon")
        scope.call_later(1, function)
        self.successResultOf(scope.close())
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_generators_that_somebody_runs(self) -> None:
        """A generator that is handed over as such is run, as ``inlineCallbacks`` would."""
        steps: list[str] = []

        def work() -> Iterator[Any]:
            steps.append("begun")
            yield Deferred.fromCoroutine(coroutine())
            steps.append("done")

        scope = Scope(Clock(), "scope")
        self.successResultOf(scope.start(work()))
        self.assertEqual(steps, ["begun", "done"])
        self.successResultOf(scope.close())

    def test_numbers_of_any_kind(self) -> None:
        """Whatever compares as a number is a time; zero and whole numbers, too."""
        from fractions import Fraction

        clock = Clock()
        scope = Scope(clock, "scope", grace=Fraction(1, 2))  # type: ignore[arg-type]
        scope.call_later(0, function)
        scope.looping_call(function, 1).stop()
        self.successResultOf(scope.close(0))
