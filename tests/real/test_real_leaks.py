"""What a program in care is told of its leaks, through the plugin."""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.real.apart import apart
from tests.real.children import PROGRAMS, Program, ProgramTestCase, twistd_command

testSuite = apart(__name__)

GROWING = str(PROGRAMS / "growing.tac")
_LIMITED = (
    "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000));"
    " from twisted.scripts.twistd import run; run()"
)


class GrowingCase(ProgramTestCase):
    """A program that grows."""

    def grow(self, how: str, *arguments: str, python: tuple[str, ...] = ()) -> Program:
        """Take a program into care that grows in this way."""
        options = ("txresource", "--interval=0.05", "--application", GROWING, *arguments)
        command = twistd_command(*options)
        if python:
            command = [sys.executable, *python, *command[3:]]
        return self.run_program(command, GROWS=how)

    def end(self, program: Program) -> str:
        """End a program; all that it has said."""
        program.signal(signal.SIGINT)
        program.wait()
        return program.text()


class TroubleTests(GrowingCase):
    """What goes wrong costs a line."""

    def test_killed_child(self) -> None:
        """A child that is killed is one line; the next one is as if nothing had been."""
        program = self.grow("not")
        program.wait_line("snapshot 1: ")
        while not (children := children_of(program.pid)):
            self.assertTrue(program.running)
        os.kill(children[0], signal.SIGKILL)
        program.wait_line("no snapshot: the snapshot's child was killed by SIGKILL")
        program.wait_line("snapshot 3: ")
        text = self.end(program)
        self.assertEqual(text.count("no snapshot"), 1)
        self.assertNotIn("Traceback", text)

    def test_full_disk(self) -> None:
        """A disk without room is one line, and leaves no half a file."""
        os.mkdir(self.path("history"))
        program = self.grow("not", "--history=history", python=("-c", _LIMITED))
        program.wait_line("snapshot 3: ")
        text = self.end(program)
        trouble = f"the snapshot could not be kept in {self.path('history')}: "
        self.assertEqual(text.count(trouble + os.strerror(errno.EFBIG)), 1)
        self.assertEqual(os.listdir(self.path("history")), [])
        self.assertNotIn("Traceback", text)

    def test_no_such_folder(self) -> None:
        """A folder that is not there is a sentence at the start, and an exit status."""
        program = self.grow("not", "--history=history")
        said = f"txresource: snapshots cannot be kept in {self.path('history')}:"
        program.wait_line(f"{said} there is no such folder")
        self.assertEqual(program.wait(), 1)


def children_of(pid: int) -> list[int]:
    """The processes that a process has forked and that live."""
    found: list[Any] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return list(map(int, found))
