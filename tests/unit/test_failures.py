"""Failures that keep nothing alive but what went wrong, and where."""

from __future__ import annotations

import copy
import pickle
import traceback
import weakref
from typing import Any

from twisted.internet.defer import (
    Deferred,
    DeferredList,
    FirstError,
    fail,
    gatherResults,
    succeed,
)
from twisted.python.failure import Failure

from tests.unit.failure_case import Local, ScrubCase, frames_of
from txresource.failures import scrub


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

    def test_variables_of_callers_are_let_go(self) -> None:
        """Variables of the callers are dropped, whichever Twisted put them there."""
        failure, local = self.raiser.error(), Local()
        gone = weakref.ref(local)
        vars(failure)["stack"] = [["name", "file", 7, [("local", local)], [("g", local)]]]
        del local
        scrub(failure)
        self.assertIsNone(gone())
        self.assertEqual(vars(failure)["stack"], [("name", "file", 7, (), ())])

    def test_failures_of_users_in_frames(self) -> None:
        """A failure that some frame merely had as its variable is not touched."""

        class Mine(Failure):
            def method(self) -> None:
                raise KeyError

        mine = Mine(self.raiser.error().value)
        try:
            mine.method()
        except KeyError:
            other = Failure()
        scrub(other)
        self.assertIsNotNone(mine.tb)

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
        if "__reduce__" in vars(Failure):  # else Twisted's failures can be neither
            self.assertEqual(pickle.loads(pickle.dumps(failure)).getTraceback(), text)
            self.assertEqual(copy.copy(failure).getTraceback(), text)

    def test_can_be_raised_again(self) -> None:
        """A scrubbed failure can be raised again."""
        failure = scrub(self.raiser.error())
        self.assertRaises(ValueError, failure.raiseException)
        self.failureResultOf(fail(failure), ValueError)


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
        failure = self.raiser.error()
        scrub([(False, failure), (True, [1, 2]), (True, [])])
        self.assertIsNone(failure.tb)
        failure = self.raiser.error()
        scrub([(True, [(False, failure)]), (True, [1, 2])])
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
            lambda failure: [(False, failure), 1],
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
