"""Failures that nest others, and those that came through coroutines."""

from __future__ import annotations

import builtins
import copy
import gc
import sys
import weakref
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    inlineCallbacks,
)
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.properties import derandomized
from tests.unit.collector import hide_what_is_older
from tests.unit.failure_case import (
    CLEANS_ITSELF,
    KINDS,
    Local,
    Odd,
    Raiser,
    ScrubCase,
    frames_of,
    holder,
)
from txresource.failures import scrub


class NestedTests(ScrubCase):
    """A failure and all that it nests."""

    def test_every_shape(self) -> None:
        """Whatever shape holds it, the inner failure loses its frames and keeps its text."""
        for kind in KINDS:
            inner = self.raiser.error()
            value, text = inner.value, inner.getTraceback()
            outer = Failure(holder(kind, inner))
            if kind in ("cause", "context", "exception attribute"):
                inner = None
            scrub(outer)
            self.assertEqual(frames_of(outer), [], kind)
            self.assertIsNone(value.__traceback__, kind)
            self.assertTrue(self.raiser.freed, kind)
            if inner is not None:
                self.assertEqual(inner.getTraceback(), text, kind)

    def test_chained_text_stays(self) -> None:
        """A failure whose value is a failure prints both, as before."""
        inner = self.raiser.error()
        outer = Failure(ValueError())
        outer.value = inner
        before = outer.getTraceback()
        self.assertIn("chained Failure", before)
        self.assertEqual(scrub(outer).getTraceback(), before)
        self.assertEqual(frames_of(outer), [])

    def test_raw_tracebacks(self) -> None:
        """A traceback or frame kept as an attribute or argument is replaced by None."""
        try:
            self.raiser.innermost(ValueError)
        except ValueError:
            info = sys.exc_info()
        error: Any = ValueError(info[2], "kept")
        error.traceback, error.frame, error.info = info[2], info[2].tb_frame, info
        error.other = other = ("kept", 1)
        nested = KeyError(info)
        error.nested = nested
        info[1].__traceback__ = None
        del info
        failure = scrub(Failure(error))
        self.assertEqual(error.args, (None, "kept"))
        self.assertEqual((error.traceback, error.frame), (None, None))
        self.assertEqual(error.info[0], ValueError)
        self.assertIsNone(error.info[2])
        self.assertIs(error.other, other)
        self.assertEqual(frames_of(failure.value.__dict__["info"]), [])
        self.assertIsInstance(nested.args[0], tuple)
        self.assertIsNone(nested.args[0][2])

    def test_hostile_exception(self) -> None:
        """An exception that refuses to be read or written is scrubbed all the same."""
        failure = self.raiser.error(Odd)
        self.patch(Odd, "armed", True)
        scrub(failure)
        self.assertTrue(self.raiser.freed)

    def test_exception_group(self) -> None:
        """The members of an exception group, and groups in groups, are scrubbed."""
        if sys.version_info < (3, 11):
            kind: Any = type(
                "Group", (Exception,), {"__init__": lambda s, m, e: setattr(s, "exceptions", e)}
            )
        else:
            kind = vars(builtins)["ExceptionGroup"]
        inner = kind("inner", [self.raiser.error().value])
        outer = kind("outer", [self.raiser.error(KeyError).value, inner])
        failure = scrub(Failure(outer))
        self.assertTrue(self.raiser.freed)
        self.assertEqual(frames_of(failure), [])

    def test_cycles(self) -> None:
        """Exceptions and failures that hold each other are each scrubbed once."""
        one, two = self.raiser.error(ValueError), self.raiser.error(KeyError)
        one.value.__cause__, two.value.__context__ = two.value, one.value
        one.value.other, two.value.other = two, one
        one.value.me = [one.value, one]
        one.value.me.append(one.value.me)
        scrub(one)
        self.assertEqual(frames_of(one), [])
        self.assertTrue(self.raiser.freed)

    def test_very_deep(self) -> None:
        """A chain of a twenty thousand causes is no reason to run out of stack."""
        first = error = ValueError(0)
        for number in range(20_000):
            error.__cause__ = ValueError(number)
            error = error.__cause__
        last = self.raiser.error()
        error.__context__ = last.value
        scrub(Failure(first))
        self.assertIsNone(last.value.__traceback__)
        while first is not None:  # freed one by one: some interpreters free by recursion
            following, first.__cause__ = first.__cause__, None
            first = following

    def test_user_containers_stay(self) -> None:
        """The containers that an exception refers to are looked through, never changed."""
        error: Any = ValueError()
        error.inner = inner = {"k": [1, (2, self.raiser.error())], "frame": [sys._getframe()]}
        before = copy.copy(inner)
        scrub(Failure(error))
        self.assertEqual(inner, before)
        self.assertIs(error.inner, inner)
        inner.clear()

    def test_ends_at_foreign_objects(self) -> None:
        """What an exception refers to beside failures and containers is not looked into."""

        class Request:
            def __init__(self, failure: Failure) -> None:
                self.failure = failure

        error: Any = ValueError()
        error.request = Request(self.raiser.error())
        scrub(Failure(error))
        self.assertIsNotNone(error.request.failure.value.__traceback__)


class ChainTests(ScrubCase):
    """Errors and cancels that went through coroutines."""

    def setUp(self) -> None:
        super().setUp()
        hide_what_is_older(self)

    def garbage(self, run: Any, errback: Any) -> int:
        """Count what is left to the collector after some runs."""
        run(errback)
        gc.collect()
        for _ in range(5):
            run(errback)
        return gc.collect()

    def levels(self, count: int, coroutine: bool) -> Any:
        """Make a function that awaits its argument through so many levels."""
        raiser = self.raiser

        @inlineCallbacks
        def generator(d, depth):
            local = Local()
            raiser.refs.append(weakref.ref(local))
            if depth:
                yield generator(d, depth - 1)
            else:
                yield d

        async def native(d: Any, depth: int) -> None:
            local = Local()
            raiser.refs.append(weakref.ref(local))
            await (native(d, depth - 1) if depth else d)

        if coroutine:
            return lambda d: Deferred.fromCoroutine(native(d, count - 1))
        return lambda d: generator(d, count - 1)

    def test_error(self) -> None:
        """An error through any number of levels leaves nothing to the collector."""
        for coroutine in (False, True):
            for count in (1, 2, 5):
                outer = self.levels(count, coroutine)

                def run(errback: Any, outer: Any = outer) -> None:
                    d: Deferred[None] = Deferred()
                    outer(d).addErrback(errback)
                    d.errback(ValueError())

                self.assertEqual(self.garbage(run, lambda failure: scrub(failure) and None), 0)
                self.assertTrue(self.raiser.freed)
                if not coroutine and not CLEANS_ITSELF:
                    self.assertGreater(self.garbage(run, lambda failure: None), 0)

    def test_cancel(self) -> None:
        """A cancel through any number of levels leaves nothing to the collector."""
        for coroutine in (False, True):
            for count in (1, 2, 5):
                outer = self.levels(count, coroutine)

                def run(errback: Any, outer: Any = outer) -> None:
                    d = outer(Deferred())
                    d.addErrback(errback)
                    d.cancel()

                def handle(failure: Failure) -> None:
                    scrub(failure).trap(CancelledError)

                def handle_late(failure: Failure) -> None:
                    failure.value.__traceback__ = None
                    handle(failure)

                for errback in (handle, handle_late):
                    self.assertEqual(self.garbage(run, errback), 0)
                    self.assertTrue(self.raiser.freed)
                # Before 24.10 Twisted cleaned these itself.
                if not CLEANS_ITSELF:
                    self.assertGreater(self.garbage(run, lambda failure: None), 0)

    def test_kept_failure(self) -> None:
        """A failure kept on the object that failed leaves no ring when scrubbed first."""

        class Keeper:
            def __init__(self) -> None:
                self.failure: Any = None

            def work(self, clean: Any) -> None:
                try:
                    raise ValueError
                except ValueError:
                    self.failure = clean(Failure())

        def run(clean: Any) -> None:
            Keeper().work(clean)

        self.assertEqual(self.garbage(run, scrub), 0)
        self.assertGreater(self.garbage(run, lambda failure: failure), 0)


FAILURES = st.integers(0, 7)
EDGES = st.lists(st.tuples(st.sampled_from(KINDS), FAILURES, FAILURES), max_size=20)


class GraphTests(SynchronousTestCase):
    """Random graphs of failures."""

    @derandomized(60)
    @given(edges=EDGES)
    def test_any_graph(self, edges: list[tuple[str, int, int]]) -> None:
        """Whatever holds what, all that is reached loses its frames, and nothing else does."""
        raiser = Raiser()
        nodes = [raiser.error(ValueError, number) for number in range(8)]
        texts = [node.getTraceback() for node in nodes]
        reach: dict[int, set[int]] = {number: set() for number in range(8)}
        for position, (kind, start, end) in enumerate(edges):
            setattr(nodes[start].value, f"a{position}", holder(kind, nodes[end]))
            reach[start].add(end)
        reached, pending = set(), [0]
        while pending:
            node = pending.pop()
            if node not in reached:
                reached.add(node)
                pending += reach[node]
        scrub(nodes[0])
        self.assertEqual(frames_of(nodes[0]), [])
        for number, node in enumerate(nodes):
            self.assertEqual(node.value.__traceback__ is None, number in reached)
            text = node.getTraceback()
            if node.tb is None:
                self.assertEqual(text, texts[number])
