"""The command line itself."""

from __future__ import annotations

import io
import shlex

from tests.unit.cli_case import REPORT, CommandTestCase, Terminal
from txresource.cli import diff, growth, main, report, why
from txresource.cli.desk import Desk
from txresource.leaks.report import tool_name

COMMANDS = (report, why, diff, growth)


class Failing(io.StringIO):
    """A stream that nothing can be written to."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        """Fail."""
        raise self.error


class ArgumentTests(CommandTestCase):
    """How a command is said."""

    def test_not_understood(self) -> None:
        """A wrong command line is a usage error, with status 2, and nothing is printed."""
        wrong = [
            [],
            ["reports"],
            ["report"],
            ["report", "a", "b"],
            ["report", "a", "--limit", "-1"],
            ["report", "a", "--limit", "x"],
            ["report", "a", "--limit", "9" * 5000],
            ["report", "a", "--js"],
            ["why", "abc"],
            ["diff", "a"],
            ["diff", "a", "b", "c", "d"],
            ["growth"],
            ["growth", "a", "--pid", "x"],
        ]
        for argv in wrong:
            said = self.run_command(*argv)
            self.assertEqual((said.status, said.out), (2, ""), argv)
            self.assertTrue(said.err.startswith("usage: txresource"), said.err)
            self.assertIn(": error: ", said.err)

    def test_help(self) -> None:
        """The help lists the commands; each one's has its statuses, an example and ``--json``."""
        said = self.run_command("--help")
        self.assertEqual((said.status, said.err), (0, ""))
        for module in COMMANDS:
            self.assertRegex(said.out, rf"(?m)^    {module.NAME} ")
            text = self.run_command(module.NAME, "--help").out
            self.assertRegex(text, rf"(?m)^examples?:\n  txresource {module.NAME} ")
            self.assertRegex(text, r"(?m)^exit status:\n  0  .*\n  1  .*\n  2  ")
            self.assertIn("--json", text)

    def test_version(self) -> None:
        """Name and version are told as reports tell them, and the help lists how to ask."""
        said = self.run_command("--version")
        self.assertEqual(said, (0, f"{tool_name()}\n", ""))
        self.assertRegex(said.out, r"\Atxresource \S+\n\Z")
        self.assertIn("--version", self.run_command("--help").out)

    def test_examples(self) -> None:
        """The examples in the help are command lines that work."""
        self.write_all()
        for module in COMMANDS:
            examples = [x for x in module.EPILOG.split("\n") if x.startswith("  txresource ")]
            self.assertTrue(examples)
            for example in examples:
                said = self.run_command(*shlex.split(example)[1:])
                self.assertEqual((said.err, said.status < 2), ("", True), example)


class OutputTests(CommandTestCase):
    """Where the answer goes."""

    def setUp(self) -> None:
        super().setUp()
        self.write_report(REPORT)

    def test_nobody_reads(self) -> None:
        """A reader who has seen enough is no error: nothing is said, the status is SIGPIPE's."""
        for options in ([], ["--json"]):
            err = io.StringIO()
            status = main(["report", "report.json", *options], Failing(BrokenPipeError()), err)
            self.assertEqual((status, err.getvalue()), (141, ""))

    def test_full_disk(self) -> None:
        """An answer that cannot be written is trouble, said in one sentence."""
        err = io.StringIO()
        full = Failing(OSError(28, "No space left on device"))
        self.assertEqual(main(["report", "report.json"], full, err), 2)
        self.assertEqual(
            err.getvalue(),
            "txresource: the answer cannot be written: No space left on device\n",
        )

    def test_interrupted(self) -> None:
        """Who is interrupted ends as by SIGINT, without a word."""
        err = io.StringIO()
        status = main(["report", "report.json"], Failing(KeyboardInterrupt()), err)
        self.assertEqual((status, err.getvalue()), (130, ""))


class ProgressTests(CommandTestCase):
    """How far it is."""

    def check(self, err: io.StringIO) -> None:
        """All things are gone through in their order, and nothing is said of it."""
        self.assertEqual(list(Desk(err).each(["a", "b"], "snapshots")), ["a", "b"])
        self.assertEqual(err.getvalue().strip(), "")

    def test_not_for_a_pipe(self) -> None:
        """What is no terminal gets no bar."""
        self.check(io.StringIO())

    def test_not_for_a_moment(self) -> None:
        """What takes less than a second shows no bar on a terminal either."""
        self.check(Terminal())

    def test_for_longer(self) -> None:
        """What takes longer shows how far it is, and wipes that away when it is done."""
        err = Terminal()
        self.assertEqual(list(Desk(err, 0.0).each(["a", "b"], "snapshots")), ["a", "b"])
        self.assertIn("0/2", err.getvalue())
        self.assertTrue(err.getvalue().endswith("\r"), err.getvalue())
