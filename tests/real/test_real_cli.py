"""``python -m txresource`` as a process: its streams and its exit status."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import Any

from tests.real.children import HANG, ROOT
from tests.unit.cli_case import LEAK, REPORT, CommandTestCase, report

COMMAND = [sys.executable, "-m", "txresource"]
NO_REACTOR = """
import sys
from txresource.__main__ import run
try:
    run()
finally:
    heavy = {"treq", "tqdm", "twisted.internet.reactor"} & set(sys.modules)
    print(heavy or "light", file=sys.stderr)
"""


class ProcessTests(CommandTestCase):
    """The program."""

    def start(self, *arguments: str, command: list[str] = COMMAND, **streams: Any) -> Any:
        """Start it, with pipes for what it prints."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
        environment.pop("NO_COLOR", None)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        process = subprocess.Popen(
            [*command, *arguments], env=environment, stdin=subprocess.DEVNULL, text=True, **pipes
        )
        self.addCleanup(process.__exit__, None, None, None)
        self.addCleanup(process.kill)
        return process

    def test_answer(self) -> None:
        """It prints what the command says, and ends with its status; no reactor is imported."""
        self.write_report(REPORT)
        process = self.start("report", "report.json", command=[sys.executable, "-c", NO_REACTOR])
        out, err = process.communicate(timeout=HANG)
        self.assertEqual(err, "light\n")
        self.assertEqual(out, self.run_command("report", "report.json").out)
        self.assertEqual(process.returncode, 1)

    def test_missing_file(self) -> None:
        """A file that is not there is one sentence on the standard error, and status 2."""
        process = self.start("report", "none")
        out, err = process.communicate(timeout=HANG)
        sentence = "txresource: none cannot be read: No such file or directory\n"
        self.assertEqual((out, err, process.returncode), ("", sentence, 2))

    def test_reader_has_seen_enough(self) -> None:
        """Where the reader closes the pipe it ends without a word, as one that SIGPIPE ends."""
        self.write_report(report(leaks=[LEAK] * 2000))
        process = self.start("report", "report.json")
        self.assertIn("txresource 0.1.0", process.stdout.readline())
        process.stdout.close()
        self.assertEqual(process.stderr.read(), "")
        self.assertEqual(process.wait(HANG), 141)

    def test_full_disk(self) -> None:
        """Where the answer cannot be written one sentence says so, with status 2."""
        self.write_report(REPORT)
        with open("/dev/full", "w") as full:
            process = self.start("report", "report.json", stdout=full)
        _, err = process.communicate(timeout=HANG)
        says = "txresource: the answer cannot be written: No space left on device\n"
        self.assertEqual((err, process.returncode), (says, 2))

    def test_terminal(self) -> None:
        """A terminal gets the same text in colours."""
        self.write_report(REPORT)
        terminal, inside = pty.openpty()
        self.addCleanup(os.close, terminal)
        process = self.start("report", "report.json", stdout=inside)
        os.close(inside)
        shown = b""
        try:
            while data := os.read(terminal, 65536):
                shown += data
        except OSError:  # what Linux has for the end of a terminal
            pass
        self.assertEqual(process.wait(HANG), 1)
        self.assertIn(b"\x1b[1;31mLEAK\x1b[0m", shown)
        self.assertIn(b"\x1b[31m~~~~~~~~\x1b[0m", shown)
