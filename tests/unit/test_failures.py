"""Failures that keep nothing alive but what went wrong, and where."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import traceback
import weakref
from collections import deque
from types import FrameType, TracebackType
from typing import Any

import twisted
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredList,
    FirstError,
    fail,
    gatherResults,
    inlineCallbacks,
    succeed,
)
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseFailed

from txresource.failures import scrub

# Until 24.7 a Deferred cleaned every failure itself when a callback had failed.
CLEANS_ITSELF = (twisted.version.major, twisted.version.minor) < (24, 10)


class Local:
    """A local variable that somebody would miss."""


class Raiser:
    """Raises in a frame whose local variable is watched."""

    def __init__(self) -> None:
        self.refs: list[Any] = []

    def error(self, kind: Any = ValueError, *args: object, **capture: bool) -> Failure:
        try:
            self.innermost(kind, *args)
        except BaseException:
            return Failure(**capture)
        raise AssertionError

    def innermost(self, kind: Any, *args: object) -> None:
        local = Local()
        self.refs.append(weakref.ref(local))
        raise kind(*args)

    @property
    def freed(self) -> bool:
        return bool(self.refs) and all(ref() is None for ref in self.refs)


def frames_of(root: object) -> list[object]:
    """Find every frame and traceback that can be reached from a failure, the hard way."""
    found, pending, seen = [], [root], set()
    while pending:
        item = pending.pop()
        if id(item) in seen or isinstance(item, type) or callable(item):
            continue
        seen.add(id(item))
        if isinstance(item, (FrameType, TracebackType)):
            found.append(item)
            continue
        pending += gc.get_referents(item)
    return found


class ScrubCase(SynchronousTestCase):
    """Runs without the garbage collector."""

    def setUp(self) -> None:
        super().setUp()
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        self.raiser = Raiser()


class ScrubTests(ScrubCase):
    """One failure, alone."""

    def test_returns_what_it_was_given(self) -> None:
        """A failure comes back as the same object, with its value and type."""
        failure = self.raiser.error(ValueError, "no")
        value = failure.value
        self.assertIs(scrub(failure), failure)
        self.assertIs(failure.value, value)
        self.assertIs(failure.type, ValueError)
        self.assertEqual(value.args, ("no",))
        self.assertEqual(failure.getErrorMessage(), "no")
        self.assertIs(failure.check(ValueError), ValueError)

    def test_frames_and_locals_are_let_go(self) -> None:
        """After it, nothing of the frames is held and their variables are freed."""
        failure = self.raiser.error()
        self.assertFalse(self.raiser.freed)
        scrub(failure)
        self.assertTrue(self.raiser.freed)
        self.assertIsNone(failure.tb)
        self.assertIsNone(failure.value.__traceback__)
        self.assertEqual(frames_of(failure), [])

    def test_traceback_text_stays(self) -> None:
        """The traceback text afterwards is word for word that of before."""
        for kind in ("default", "brief", "verbose"):
            one, two = self.raiser.error(), self.raiser.error()
            two.count = one.count
            before = one.getTraceback(detail=kind)
            self.assertIn("innermost", before)
            self.assertEqual(scrub(two).getTraceback(detail=kind), before)
            self.assertEqual(scrub(one).getTraceback(detail=kind), before)
            self.assertEqual(one.getBriefTraceback(), two.getBriefTraceback())

    def test_traceback_object_stays(self) -> None:
        """What the logging bridge formats still names the functions and lines."""
        failure = self.raiser.error()
        before = traceback.extract_tb(failure.getTracebackObject())
        after = traceback.extract_tb(scrub(failure).getTracebackObject())
        self.assertEqual(
            [(f.name, f.filename, f.lineno) for f in after],
            [(f.name, f.filename, f.lineno) for f in before],
        )

    def test_text_is_made_on_demand(self) -> None:
        """The source is read, and the message asked for, when the text is, not before."""

        class Silent(Exception):
            asked = 0

            def __str__(self) -> str:
                type(self).asked += 1
                return "asked"

        path = self.mktemp()
        namespace: dict[str, Any] = {"kind": Silent}
        exec(compile("def late():\n    raise kind()\n", path, "exec"), namespace)
        try:
            namespace["late"]()
        except Silent:
            failure = Failure()
        scrub(failure)
        self.assertEqual(Silent.asked, 0)
        with open(path, "w") as source:
            source.write("def late():\n    raise kind()  # read late\n")
        text = failure.getTraceback()
        self.assertIn("read late", text)
        self.assertIn("Silent: asked", text)

    def test_captured_variables_are_let_go(self) -> None:
        """Variables that ``captureVars`` copied are dropped; the text says they are missing."""
        for ask_first in (True, False):
            failure = self.raiser.error(captureVars=True)
            if ask_first:
                self.assertTrue(failure.frames[0][3])
            scrub(failure)
            self.assertTrue(self.raiser.freed)
            self.assertEqual([frame[3:] for frame in failure.frames], [((), ())] * 2)
            self.assertIn("disabled", failure.getTraceback(detail="verbose"))

    def test_callers_are_kept_as_names(self) -> None:
        """Where Twisted keeps the callers, too, they stay as names alone."""
        failure = self.raiser.error(captureVars=True)
        had = vars(failure).get("stack")
        scrub(failure)
        if had is None:
            self.assertNotIn("stack", vars(failure))
        else:
            self.assertEqual(vars(failure)["stack"], [(*frame[:3], (), ()) for frame in had])

    def test_twice(self) -> None:
        """A second time changes nothing."""
        failure = scrub(self.raiser.error())
        text, frames = failure.getTraceback(), failure.frames
        scrub(failure)
        self.assertEqual(failure.getTraceback(), text)
        self.assertEqual(failure.frames, frames)

    def test_no_traceback(self) -> None:
        """A failure that was never raised is left as it is."""
        failure = Failure(ValueError("x"))
        text = failure.getTraceback()
        self.assertEqual(scrub(failure).getTraceback(), text)

    def test_bare_failure(self) -> None:
        """A failure without any of its attributes is no reason to fail."""
        failure = Failure.__new__(Failure)
        self.assertIs(scrub(failure), failure)

    def test_failure_given_a_traceback(self) -> None:
        """The traceback among the arguments that made the failure is dropped, too."""
        value, failures = None, []
        try:
            self.raiser.innermost(ValueError)
        except ValueError as error:
            value = error
            failures.append(Failure(error, ValueError, error.__traceback__))
        del value
        failures.append(Failure(failures[0]))
        for failure in failures:
            scrub(failure)
        self.assertEqual(frames_of(failures), [])
        self.assertTrue(self.raiser.freed)

    def test_failure_that_was_raised(self) -> None:
        """A failure that was itself raised lets go of that traceback."""
        failure = self.raiser.error()
        try:
            raise failure
        except Failure:
            pass
        self.assertIsNotNone(failure.__traceback__)
        self.assertEqual(frames_of(scrub(failure)), [])

    def test_other_things_pass(self) -> None:
        """What is not a failure comes back untouched, exceptions and hostile objects included."""

        class Liar:
            @property
            def __class__(self) -> Any:
                raise AssertionError("asked for its class")

        error = self.raiser.error().value
        for thing in (
            None,
            1,
            "text",
            [],
            [1, 2],
            {},
            (False, 1),
            Liar(),
            [Liar()],
            error,
            [error],
        ):
            self.assertIs(scrub(thing), thing)
        self.assertIsNotNone(error.__traceback__)

    def test_without_clean_failure(self) -> None:
        """It works where ``cleanFailure`` does nothing."""
        self.patch(Failure, "cleanFailure", lambda self: None)
        failure = scrub(self.raiser.error())
        self.assertEqual(frames_of(failure), [])
        self.assertTrue(self.raiser.freed)

    def test_pickle_and_copy(self) -> None:
        """A scrubbed failure can be pickled and copied, and keeps its text."""
        failure = scrub(self.raiser.error())
        text = failure.getTraceback()
        self.assertEqual(pickle.loads(pickle.dumps(failure)).getTraceback(), text)
        self.assertEqual(copy.copy(failure).getTraceback(), text)

    def test_can_be_raised_again(self) -> None:
        """A scrubbed failure can be raised again."""
        failure = scrub(self.raiser.error())
        self.assertRaises(ValueError, failure.raiseException)
        self.failureResultOf(fail(failure), ValueError)


class Slotted(Exception):
    __slots__ = ("inner",)


class Odd(Exception):
    """Answers questions with errors."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError("asked for " + name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AssertionError("told " + name)


def holder(kind: str, inner: Any) -> Any:
    """Put an exception or failure into one of the shapes in which they nest."""
    outer: Any = ValueError(kind)
    if kind == "cause":
        outer.__cause__ = inner.value
    elif kind == "context":
        outer.__context__ = inner.value
    elif kind == "argument":
        outer = ValueError(inner)
    elif kind == "attribute":
        outer.inner = inner
    elif kind == "exception attribute":
        outer.inner = inner.value
    elif kind == "slot":
        outer = Slotted()
        outer.inner = inner
    elif kind == "first error":
        outer = FirstError(inner, 0)
    elif kind == "response failed":
        outer = ResponseFailed([inner])
    elif kind == "failure value":
        return inner
    else:
        outer.inner = {
            "list": [inner],
            "tuple": ((inner,),),
            "dict value": {"k": inner},
            "dict key": {inner: 1},
            "set": {inner},
            "frozenset": frozenset([inner]),
            "deque": deque([inner]),
            "deep": [{"k": (deque([{inner}]),)}],
        }[kind]
    return outer


KINDS = (
    "cause",
    "context",
    "argument",
    "attribute",
    "exception attribute",
    "slot",
    "first error",
    "response failed",
    "failure value",
    "list",
    "tuple",
    "dict value",
    "dict key",
    "set",
    "frozenset",
    "deque",
    "deep",
)


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
        scrub(failure)
        self.assertTrue(self.raiser.freed)

    def test_exception_group(self) -> None:
        """The members of an exception group, and groups in groups, are scrubbed."""
        if sys.version_info < (3, 11):
            kind: Any = type(
                "Group", (Exception,), {"__init__": lambda s, m, e: setattr(s, "exceptions", e)}
            )
        else:
            kind = ExceptionGroup
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
        """A chain of a hundred thousand causes is no reason to run out of stack."""
        first = error = ValueError(0)
        for number in range(100_000):
            error.__cause__ = ValueError(number)
            error = error.__cause__
        last = self.raiser.error()
        error.__context__ = last.value
        scrub(Failure(first))
        self.assertIsNone(last.value.__traceback__)
        while first is not None:  # freed one by one: some interpreters free by recursion
            first, first.__cause__ = first.__cause__, None

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


class ResultListTests(ScrubCase):
    """What a DeferredList fires with."""

    def test_as_callback(self) -> None:
        """As a callback it scrubs the failures of a DeferredList and passes the list on."""
        ds = [succeed(1), fail(self.raiser.error()), fail(self.raiser.error())]
        d = DeferredList(ds, consumeErrors=True)
        d.addCallback(scrub)
        results = self.successResultOf(d)
        self.assertEqual(results[0], (True, 1))
        self.assertEqual(frames_of(results), [])
        self.assertTrue(self.raiser.freed)

    def test_nested_lists(self) -> None:
        """A DeferredList among the results of another is scrubbed, too."""
        failure = self.raiser.error()
        scrub([(True, 1), (True, [(True, [(False, failure)]), (True, None)]), (True, {})])
        self.assertIsNone(failure.tb)

    def test_list_in_itself(self) -> None:
        """A list of results that holds itself comes to an end."""
        failure = self.raiser.error()
        results: list[Any] = [(False, failure)]
        results.append((True, results))
        self.assertIs(scrub(results), results)
        self.assertIsNone(failure.tb)

    def test_other_lists_are_not_ours(self) -> None:
        """A list of another shape is not looked through."""
        for shape in (
            lambda failure: [failure],
            lambda failure: [(0, failure)],
            lambda failure: [(False, failure, 1)],
            lambda failure: [[False, failure]],
            lambda failure: ((False, failure),),
            lambda failure: [(True, failure)],
            lambda failure: [1, (False, failure)],
        ):
            failure = self.raiser.error()
            results = shape(failure)
            self.assertIs(scrub(results), results)
            self.assertIsNotNone(failure.tb)

    def test_failed_without_failure(self) -> None:
        """An entry that failed with something else passes."""
        error = self.raiser.error().value
        scrub([(False, error), (False, 1)])
        self.assertIsNotNone(error.__traceback__)

    def test_first_error(self) -> None:
        """The FirstError of ``gatherResults`` loses its frames and its sub-failure's."""
        failure = self.raiser.error()
        d = gatherResults([Deferred(), fail(failure)], consumeErrors=True)
        del failure
        d.addErrback(scrub)
        first = self.failureResultOf(d, FirstError)
        self.assertEqual(frames_of(first), [])
        self.assertIn("innermost", first.value.subFailure.getTraceback())
        self.assertTrue(self.raiser.freed)


class ChainTests(ScrubCase):
    """Errors and cancels that went through coroutines."""

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

                self.assertEqual(self.garbage(run, handle), 0)
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

    @settings(deadline=None, derandomize=True, max_examples=150, database=None)
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
