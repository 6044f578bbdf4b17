"""A server with a peer that has not read yet."""

from __future__ import annotations

import sys

from tests.real.children import (
    PROGRAMS,
    Program,
    ProgramTestCase,
    connect,
    read_to_end,
    twist_command,
    twistd_command,
)

HELD = str(PROGRAMS / "held.tac")
SIZE = 32 * 1024 * 1024
CARE = ("txresource", "--interval", "0", "--grace", "60", "--application", HELD)
TWISTD = twistd_command(*CARE)
TWIST = twist_command("--log-format", "text", *CARE)


def script(how: str) -> list[str]:
    """The command that runs the same as a script."""
    return [sys.executable, HELD, how]


class HeldCase(ProgramTestCase):
    """A case with such a server and its peer."""

    def serve(self, command: list[str], **environment: str) -> Program:
        """Start it, and connect; after this it hears signals."""
        program = self.run_program(command, **environment)
        self.client = connect(int(program.wait_line(r'\["port", (\d+)\]')[1]))
        self.addCleanup(self.client.close)
        program.wait_line('"made"')
        return program

    def check_drained(self, program: Program, status: int) -> None:
        """The peer gets all that was written, and all are told of the end, once."""
        self.assertEqual(len(read_to_end(self.client)), SIZE)
        self.assertEqual(program.wait(), status, program.text())
        told = [event for (event, *_) in program.events()]
        self.assertEqual([told.count("lost"), told.count("triggers ran")], [1, 1])
        self.assertNotIn("Traceback", program.text())
        left = [calls for (event, *calls) in program.events() if event == "returned"]
        self.assertEqual(left, [[[]]] if status == 0 else [])
