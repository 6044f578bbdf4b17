"""Programs that are odd in one way, each in a process of its own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred, gatherResults
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase

PROGRAM = Path(__file__).parent / "programs/heap_snapshot.py"
ROOT = Path(__file__).parents[2]
WARNS = sys.version_info >= (3, 12)


class ProgramTests(TestCase):
    """How odd programs are snapshotted."""

    timeout = 60

    async def run_program(self, *args: str, flags: tuple[str, ...] = ()) -> dict[str, Any]:
        """Run the program; its result, and what it wrote to its standard error."""
        out, err, status = await getProcessOutputAndValue(
            sys.executable,
            [*flags, str(PROGRAM), *args],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            reactor=reactor,
        )
        self.assertEqual(status, 0, err.decode())
        return {**json.loads(out), "stderr": err.decode()}

    async def test_reactors(self) -> None:
        """Every reactor of a Unix reads the child and reaps it."""
        kinds = {
            "epoll": "EPollReactor",
            "poll": "PollReactor",
            "select": "SelectReactor",
            "asyncio": "AsyncioSelectorReactor",
        }
        programs = [ensureDeferred(self.run_program("plain", name)) for name in kinds]
        for kind, result in zip(kinds.values(), await gatherResults(programs), strict=True):
            self.assertEqual(result["reactor"], kind)
            self.assertEqual((result["taken"], result["children"]), (2, False), result)
            self.assertEqual(result["stderr"], "")

    async def test_fork_hooks(self) -> None:
        """Hooks of others run, their time is told, and said to be theirs where it dominates."""
        result = await self.run_program("hooks")
        self.assertEqual((result["taken"], result["after"]), (2, True), result)
        self.assertTrue(result["garbage"], "a hook in the child had the collector run")
        self.assertGreater(result["hooks"], 0.05)
        self.assertGreater(result["pause"], result["hooks"])
        self.assertIn("register_at_fork", result["log"])

    async def test_warnings_as_errors(self) -> None:
        """A program with threads, run with warnings as errors or with all shown, hears nothing."""
        for flag in ("error", "always"):
            result = await self.run_program("threads", flags=("-W", flag))
            self.assertEqual((result["taken"], result["stderr"]), (2, ""))

    async def test_bare_fork_warns(self) -> None:
        """A fork of the program's own still warns, where the interpreter does: we hide only ours."""
        result = await self.run_program("bare", flags=("-W", "always"))
        self.assertEqual("multi-threaded" in result["stderr"], WARNS)

    async def test_closed_standard_descriptors(self) -> None:
        """A daemon without descriptors 0 to 2 is snapshotted like others."""
        result = await self.run_program("closed")
        self.assertEqual(result["taken"], 2, result)

    async def test_early_signal(self) -> None:
        """A signal that meets the child early ends it, and the parent does not hear of it."""
        result = await self.run_program("wakeup")
        self.assertEqual(result["woken"], [])
        self.assertEqual(result["failed"], 2)
        self.assertIn("SIGTERM", result["error"])

    async def test_early_signal_after_a_bare_fork(self) -> None:
        """Without our precautions the child tells the parent's wakeup descriptor."""
        self.assertEqual((await self.run_program("bare-wakeup"))["woken"], [15])

    async def test_no_more_processes(self) -> None:
        """A user who may have no more processes gets a failure in one sentence."""
        result = await self.run_program("no-fork")
        self.assertEqual((result["failed"], result["taken"]), (2, 0))
        self.assertIn("SnapshotFailed: no child could be forked", result["error"])

    async def test_profiled(self) -> None:
        """A profiler of the program's does not follow into the child."""
        result = await self.run_program("traced")
        self.assertEqual(result["taken"], 2, result)
