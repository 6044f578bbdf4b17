"""The programs that tests and the zoo run end with whoever runs them."""

from __future__ import annotations

import os
import select
import signal
import sys

from tests.real.children import HANG, Program, ProgramTestCase

PROGRAM = f"import time; print('it is up', flush=True); time.sleep({HANG})"
RUNNER = f"""
import sys
from tests.real.children import Program

program = Program([sys.executable, "-c", {PROGRAM!r}], ".", inherit=(int(sys.argv[1]),))
program.wait_line("it is up")
print("both are up", flush=True)
program.wait()
"""


class GuardTests(ProgramTestCase):
    """However the runner ends."""

    def run_until(self, number: int) -> None:
        """End a runner by a signal; its program is gone when nobody holds a pipe any more."""
        mine, theirs = os.pipe()
        self.addCleanup(os.close, mine)
        try:
            command = [sys.executable, "-c", RUNNER, str(theirs)]
            runner = Program(command, self.directory, inherit=(theirs,))
        finally:
            os.close(theirs)
        self.addCleanup(runner.close)
        runner.wait_line("both are up")
        runner.signal(number)
        self.assertEqual(runner.wait(), -number)
        self.assertTrue(select.select([mine], [], [], HANG / 4)[0], "the program lives on")
        self.assertEqual(os.read(mine, 1), b"")

    def test_ended(self) -> None:
        """A runner that is killed, told to end, or hung up takes its program along."""
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            self.run_until(number)
