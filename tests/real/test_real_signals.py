"""Signals to a program in care, under each of Twisted's runners, and to the same one without."""

from __future__ import annotations

import signal

from tests.real.apart import apart
from tests.real.children import read_to_end, twist_command, twistd_command
from tests.real.held_case import HELD, SIZE, TWIST, TWISTD, HeldCase, script

testSuite = apart(__name__)


class FirstTests(HeldCase):
    """The first signal."""

    def check(self, command: list[str], number: int, status: int) -> None:
        program = self.serve(command)
        program.signal(number)
        program.wait_line(r"closing \d")
        self.check_drained(program, status)

    def test_sigterm_and_sigint(self) -> None:
        """SIGTERM and SIGINT drain; then twistd and twist end by them, as they do without care."""
        self.check(TWISTD, signal.SIGTERM, -signal.SIGTERM)
        self.check(TWIST, signal.SIGINT, -signal.SIGINT)

    def test_sighup(self) -> None:
        """SIGHUP in the foreground drains as well; ``reactor.run()`` returns after it."""
        self.check(TWISTD, signal.SIGHUP, -signal.SIGHUP)
        self.check(TWIST, signal.SIGHUP, -signal.SIGHUP)
        self.check(script("care"), signal.SIGHUP, 0)

    def test_scope_alone(self) -> None:
        """What a scope owns drains at SIGTERM without any ``CareService``."""
        self.check(script("scope"), signal.SIGTERM, 0)

    def test_ignored_sighup(self) -> None:
        """A program that was started by nohup goes on."""
        program = self.serve(["nohup", *TWISTD])
        program.signal(signal.SIGHUP)
        program.signal(signal.SIGTERM)
        self.check_drained(program, -signal.SIGTERM)

    def test_plain(self) -> None:
        """Without care the answer is cut, and SIGHUP kills the process before any trigger runs."""
        program = self.serve(script("plain"))
        program.signal(signal.SIGTERM)
        self.assertLess(len(read_to_end(self.client)), SIZE)
        program.wait()
        for command in (twistd_command("-y", HELD), script("plain")):
            program = self.serve(command)
            program.signal(signal.SIGHUP)
            self.assertEqual(program.wait(), -signal.SIGHUP)
            told = [event for (event, *_) in program.events()]
            self.assertFalse({"told to stop", "triggers ran"} & set(told))

    def test_plain_twist(self) -> None:
        """Neither does a plain twist hear SIGHUP."""
        program = self.run_program(
            twist_command("--log-format", "text", "web", "--listen", "tcp:0:interface=127.0.0.1")
        )
        program.wait_line("Starting reactor")
        program.signal(signal.SIGHUP)
        self.assertEqual(program.wait(), -signal.SIGHUP)
        self.assertNotIn("shutting down", program.text())


class SecondTests(HeldCase):
    """The second signal, and those after it."""

    def check(self, command: list[str], status: int) -> None:
        program = self.serve(command, HANGS="1", AGAIN="2")
        program.signal(signal.SIGTERM)
        program.wait_line(r"closing \d")
        program.signal(signal.SIGINT)
        # The peer has never read, and the service never stops: only the second one ends it.
        self.assertEqual(program.wait(), status, program.text())
        told = [event for (event, *_) in program.events()]
        self.assertEqual([told.count("lost"), told.count("triggers ran")], [1, 1])
        said = program.text()
        self.assertEqual(said.count("told again to end: aborting"), 1)
        # At the end of its connection the program sent itself two more.
        self.assertEqual(said.count("told to end a third time"), 1)
        self.assertNotIn("Traceback", said)

    def test_twistd(self) -> None:
        """It aborts, a third one is a line in the log, and twistd ends by the first."""
        self.check(TWISTD, -signal.SIGTERM)

    def test_twist(self) -> None:
        """The same under twist."""
        self.check(TWIST, -signal.SIGTERM)

    def test_script(self) -> None:
        """The same under ``reactor.run()``, which returns."""
        self.check(script("care"), 0)

    def test_plain(self) -> None:
        """Without care a second signal is an error in the log, and changes nothing."""
        for command in (twistd_command("-y", HELD), script("plain")):
            program = self.serve(command, HANGS="1")
            program.signal(signal.SIGTERM)
            program.wait_line('"told to stop"')
            program.signal(signal.SIGTERM)
            program.wait_line("ReactorNotRunning")
            self.assertTrue(program.running)
