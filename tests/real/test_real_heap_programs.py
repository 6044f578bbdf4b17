"""Programs that are odd in one way, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.real.apart import apart
from tests.real.children import HANG

testSuite = apart(__name__)

PROGRAM = Path(__file__).parent / "programs/heap_snapshot.py"
ROOT = Path(__file__).parents[2]
WARNS = sys.version_info >= (3, 12)


REACTORS = {
    "epoll": "EPollReactor",
    "poll": "PollReactor",
    "select": "SelectReactor",
    "asyncio": "AsyncioSelectorReactor",
}
ODD = ("hooks", "bare", "closed", "wakeup", "bare-wakeup", "no-fork", "traced")


@cache
def runs() -> dict[tuple[str, ...], subprocess.CompletedProcess[str]]:
    """What came of all programs; a few run at a time."""
    chosen = [("plain", name) for name in REACTORS]
    chosen += [("-W", "always", "bare") if name == "bare" else (name,) for name in ODD]
    chosen += [("-W", flag, "threads") for flag in ("error", "always")]
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(chosen, pool.map(_run, chosen), strict=True))


def _run(words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    flags, args = (words[:2], words[2:]) if words[0] == "-W" else ((), words)
    return subprocess.run(
        [sys.executable, *flags, str(PROGRAM), *args],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=2 * HANG,
        check=False,
    )


class ProgramTests(SynchronousTestCase):
    """How odd programs are snapshotted."""

    def result(self, *words: str) -> dict[str, Any]:
        """What a program said, and what it wrote to its standard error.

        :param words: flags of the interpreter, then what is odd and on which reactor.
        """
        run = runs()[words]
        self.assertEqual(run.returncode, 0, run.stderr)
        return {**json.loads(run.stdout), "stderr": run.stderr}

    def test_reactors(self) -> None:
        """Every reactor of a Unix reads the child and reaps it."""
        for name, kind in REACTORS.items():
            result = self.result("plain", name)
            self.assertEqual(result["reactor"], kind)
            self.assertEqual((result["taken"], result["children"]), (2, False), result)
            self.assertEqual(result["stderr"], "")

    def test_fork_hooks(self) -> None:
        """Hooks of others run, their time is told, and said to be theirs where it dominates."""
        result = self.result("hooks")
        self.assertEqual((result["taken"], result["after"]), (2, True), result)
        self.assertTrue(result["garbage"], "a hook in the child had the collector run")
        self.assertGreater(result["hooks"], 0.05)
        self.assertGreater(result["pause"], result["hooks"])
        self.assertIn("register_at_fork", result["log"])

    def test_warnings_as_errors(self) -> None:
        """A program with threads, run with warnings as errors or with all shown, hears nothing."""
        for flag in ("error", "always"):
            result = self.result("-W", flag, "threads")
            self.assertEqual((result["taken"], result["stderr"]), (2, ""))

    def test_bare_fork_warns(self) -> None:
        """A fork of the program's own still warns, where the interpreter does: we hide only ours."""
        result = self.result("-W", "always", "bare")
        self.assertEqual("multi-threaded" in result["stderr"], WARNS)

    def test_closed_standard_descriptors(self) -> None:
        """A daemon without descriptors 0 to 2 is snapshotted like others."""
        result = self.result("closed")
        self.assertEqual(result["taken"], 2, result)

    def test_early_signal(self) -> None:
        """A signal that meets the child early ends it, and the parent does not hear of it."""
        result = self.result("wakeup")
        self.assertEqual(result["woken"], [])
        self.assertEqual(result["failed"], 2)
        self.assertIn("SIGTERM", result["error"])

    def test_early_signal_after_a_bare_fork(self) -> None:
        """Without our precautions the child tells the parent's wakeup descriptor."""
        self.assertEqual(self.result("bare-wakeup")["woken"], [15])

    def test_no_more_processes(self) -> None:
        """A user who may have no more processes gets a failure in one sentence."""
        result = self.result("no-fork")
        self.assertEqual((result["failed"], result["taken"]), (2, 0))
        self.assertIn("SnapshotFailed: no child could be forked", result["error"])

    def test_profiled(self) -> None:
        """A profiler of the program's does not follow into the child."""
        result = self.result("traced")
        self.assertEqual(result["taken"], 2, result)
