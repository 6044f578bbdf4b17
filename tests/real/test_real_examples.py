"""The README's programs are run, as they are shown."""

from __future__ import annotations

import os
import re
import signal
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.real.children import (
    ROOT,
    Program,
    ProgramTestCase,
    connect,
    read_to_end,
    twist_command,
    twistd_command,
)

EXAMPLES = ROOT / "docs" / "examples"
CLOSED = r"closed (\d+), aborted 0, abandoned 0 in \d+\.\d s"
SHOWN = re.compile(r"^```python\n(.*?)^```\n\n\(\[(.*?)\]", re.MULTILINE | re.DOTALL)


class ExampleTestCase(ProgramTestCase):
    """A test case that runs programs to their end."""

    def run_to_end(self, *arguments: str) -> Program:
        program = self.run_program([sys.executable, *arguments])
        self.assertEqual(program.wait(), 0, program.text())
        return program


class ServerExampleTests(ExampleTestCase):
    """Programs that serve until they are told to end."""

    def check_site(self, program: Program) -> None:
        """Get the page, interrupt the program, and see that all was closed."""
        # Not before there is an answer: until its reactor runs a program has no signal handlers.
        client = connect(int(program.wait_line(r"Site .*starting on (\d+)")[1]))
        self.addCleanup(client.close)
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        self.assertIn(b" 200 OK\r\n", read_to_end(client))
        program.signal(signal.SIGINT)
        self.assertGreaterEqual(int(program.wait_line(CLOSED)[1]), 1)
        program.wait()
        self.assertNotIn("Traceback", program.text())

    def test_plugin(self) -> None:
        """A plugin runs in care with the README's options, and leaves a report."""
        options = ["--interval", "60", "--report", "report.json", "--grace", "10"]
        self.assertIn(f"txresource {' '.join(options)} web --listen", readme())
        listen = ["web", "--listen", "tcp:0:interface=127.0.0.1"]
        program = self.run_program(twistd_command("txresource", *options, *listen))
        program.wait_line(
            "takes care of the plugin web: a snapshot every 60 s, grace 10 s, report /"
        )
        self.check_site(program)
        self.assertTrue(os.path.exists(os.path.join(self.directory, "report.json")))

    def test_application_option(self) -> None:
        """A .tac file that nobody edited runs behind --application, under twist."""
        site = str(EXAMPLES / "site.tac")
        arguments = ("--log-format=text", "txresource", "--application", site)
        self.check_site(self.run_program(twist_command(*arguments)))

    def test_application_of_twistd(self) -> None:
        """The same .tac file runs behind twistd's own -y."""
        site = str(EXAMPLES / "site.tac")
        self.check_site(self.run_program(twistd_command("-y", site, "txresource")))

    def test_script(self) -> None:
        """script.py is in care though it calls reactor.run() itself."""
        self.check_site(self.run_program([sys.executable, str(EXAMPLES / "script.py")]))

    def test_mixins(self) -> None:
        """chat.tac counts who is on, and says goodbye before it closes."""
        chat = str(EXAMPLES / "chat.tac")
        program = self.run_program(twistd_command("-y", chat, "txresource"))
        client = connect(int(program.wait_line(r"ChatFactory starting on (\d+)")[1]))
        self.addCleanup(client.close)
        client.sendall(b"hello\n")
        self.assertEqual(client.recv(100), b"you said hello\n")
        program.wait_line("1 connected")
        program.signal(signal.SIGINT)
        self.assertEqual(read_to_end(client), b"goodbye\n")
        program.wait_line(CLOSED)
        program.wait()
        self.assertNotIn("Traceback", program.text())


class ScriptExampleTests(ExampleTestCase):
    """Programs that end by themselves."""

    def test_letting_go(self) -> None:
        """letting_go.py prints what its comments promise, and nothing else."""
        program = self.run_to_end(str(EXAMPLES / "letting_go.py"))
        self.assertEqual(program.output, ["got data", "failed: no such user", "the reader is gone"])

    def test_block(self) -> None:
        """block.py shows its tree, lets its task finish, and ends with all closed."""
        program = self.run_to_end(str(EXAMPLES / "block.py"))
        kinds = re.findall(r"^ +(\w+) .* open, ", program.text(), re.MULTILINE)
        self.assertEqual(kinds, ["port", "loop", "task"])
        self.assertEqual(program.output[-2:], ["finished within the grace", "all closed"])

    def test_assertions(self) -> None:
        """test_letting_go.py passes under trial."""
        trial = ("-m", "twisted.trial", str(EXAMPLES / "test_letting_go.py"))
        program = self.run_to_end(*trial)
        self.assertIn("PASSED (successes=3)", program.text())


def readme() -> str:
    """The text of the README."""
    return (ROOT / "README.md").read_text("utf-8")


class ReadmeTests(SynchronousTestCase):
    """What the README shows is what is run."""

    def test_each_block_is_part_of_the_file_it_names(self) -> None:
        """A block of Python is followed by the name of the file that it is a part of."""
        shown = SHOWN.findall(readme())
        self.assertEqual(len(shown), readme().count("```python"))
        for code, name in shown:
            self.assertIn(code, (ROOT / name).read_text("utf-8"), name)

    def test_two_lines_are_there_once(self) -> None:
        """The line that runs the demo and the one that runs the tests stand in blocks of their own."""
        install = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/"
        for end in ("twistd -n txresource --demo", "trial tests"):
            self.assertEqual(readme().count(f"```sh\n{install}{end}\n```\n"), 1)

    def test_linked_files_exist(self) -> None:
        """Every file that the README links to is there."""
        for name in re.findall(r"\]\(([^)#:]+)\)", readme()):
            self.assertTrue((ROOT / name).is_file(), name)

    def test_table_lists_the_options(self) -> None:
        """The README's table has every option of the plugin."""
        from txresource.tap import Options

        for name, *_ in [*Options.optFlags, *Options.optParameters]:
            self.assertIn(f"`--{name}", readme())
