"""The README's programs are run, as they are shown."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import sys
from configparser import RawConfigParser

from twisted.trial.unittest import SynchronousTestCase

from tests.real.apart import apart
from tests.real.children import (
    HANG,
    ROOT,
    Program,
    ProgramTestCase,
    connect,
    read_to_end,
    twist_command,
    twistd_command,
)

testSuite = apart(__name__)

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

    def test_unit_file(self) -> None:
        """The command in chat.service does what ``Type=notify`` asks of it."""
        unit = RawConfigParser(strict=False)
        unit.read(EXAMPLES / "chat.service")
        self.assertEqual(unit["Service"]["Type"], "notify")
        _, *arguments = unit["Service"]["ExecStart"].replace("/srv/chat", str(EXAMPLES)).split()
        self.assertEqual(arguments[:2], ["-n", "--pidfile="])
        systemd = self.listen()
        program = self.run_program(twistd_command(*arguments[2:]), NOTIFY_SOCKET=systemd.address)
        systemd.wait_line("^READY=1$")
        program.signal()
        systemd.wait_line("^STOPPING=1$")
        self.assertEqual(program.wait(), -signal.SIGTERM)


class GuideExampleTests(ExampleTestCase):
    """The guide's programs do what it says, also when they are killed."""

    def example(self, name: str, *arguments: str) -> Program:
        """Run one that is a script."""
        return self.run_program([sys.executable, str(EXAMPLES / name), *arguments])

    def end(self, program: Program, status: int = 0) -> list[str]:
        """Send SIGTERM; what it has printed when it has ended."""
        program.signal(signal.SIGTERM)
        self.assertEqual(program.wait(), status, program.text())
        self.assertNotIn("Traceback", program.text())
        return program.output

    def listener(self) -> socket.socket:
        """A port of the test's own."""
        port = socket.create_server(("127.0.0.1", 0))
        port.settimeout(HANG)
        self.addCleanup(port.close)
        return port

    def accept(self, port: socket.socket) -> socket.socket:
        """The next connection."""
        peer, _ = port.accept()
        peer.settimeout(HANG)
        self.addCleanup(peer.close)
        return peer

    def test_collector(self) -> None:
        """collector.py has every line in its file, and its client hung up, when it is killed."""
        program = self.example("collector.py", self.path("lines"))
        port = int(program.wait_line(r"listening on port (\d+)")[1])
        sender, idle = connect(port), connect(port)
        self.addCleanup(sender.close)
        self.addCleanup(idle.close)
        sender.sendall(b"one\ntwo\n")
        sender.shutdown(socket.SHUT_WR)
        self.assertEqual(read_to_end(sender), b"")
        self.assertEqual(self.end(program)[-1], "all closed")
        self.assertEqual(read_to_end(idle), b"")
        with open(self.path("lines")) as file:
            self.assertEqual(file.read(), "one\ntwo\n")

    def test_first_answer(self) -> None:
        """first_answer.py lets go of the slow server at once, and of all when it is killed."""
        slow, quick = self.listener(), self.listener()
        servers = [f"tcp:127.0.0.1:{port.getsockname()[1]}" for port in (slow, quick)]
        program = self.example("first_answer.py", *servers)
        waiting, asked = self.accept(slow), self.accept(quick)
        self.assertEqual(asked.recv(100), b"the time\n")
        asked.sendall(b"noon\n")
        program.wait_line("^noon$")
        self.assertEqual(read_to_end(waiting), b"the time\n")
        self.assertEqual(read_to_end(asked), b"")
        again = [self.accept(slow), self.accept(quick)]
        self.assertEqual([peer.recv(100) for peer in again], [b"the weather\n"] * 2)
        self.assertEqual(self.end(program, 1), ["noon", "nobody answered"])
        self.assertEqual([read_to_end(peer) for peer in again], [b"", b""])

    def check_journal(self, *more: str) -> Program:
        """Run journal.tac, kill it, and see what it left."""
        program = self.run_program(twistd_command("-y", str(EXAMPLES / "journal.tac"), *more))
        client = connect(int(program.wait_line(r"Factory starting on (\d+)")[1]))
        self.addCleanup(client.close)
        client.sendall(b"hello")
        self.assertEqual(client.recv(100), b"hello")
        self.end(program, -signal.SIGTERM)
        self.assertEqual(read_to_end(client), b"")
        with open(self.path("journal")) as file:
            lines = file.read().splitlines()
        self.assertEqual({*lines[:-1]}, {"running"})
        self.assertEqual(lines[-1], "stopped")
        return program

    def test_journal(self) -> None:
        """journal.tac writes its last line and hangs up under plain twistd."""
        self.check_journal()

    def test_journal_in_care(self) -> None:
        """journal.tac does the same in care, where its scope's service is stopped as a service."""
        self.assertRegex(self.check_journal("txresource").text(), CLOSED)

    def test_uploads_finish(self) -> None:
        """uploads.py finishes the batch that is under way, and begins no other."""
        program = self.example("uploads.py", "0.9")
        program.wait_line("begin batch 1")
        expected = ["begin batch 1", "done batch 1", "nothing is left half done"]
        self.assertEqual(self.end(program), expected)

    def test_uploads_idle(self) -> None:
        """uploads.py with nothing to do ends at once."""
        program = self.example("uploads.py", "0")
        program.wait_line("done batch 2")
        self.assertEqual(self.end(program)[-1], "nothing is left half done")

    def test_uploads_cancelled(self) -> None:
        """uploads.py is cancelled when its batch takes longer than the grace, and is told why."""
        program = self.example("uploads.py", "600")
        program.wait_line("begin batch 1")
        *steps, told = self.end(program)
        self.assertEqual(steps, ["begin batch 1", "undo batch 1"])
        self.assertRegex(
            told, r"^given up: task upload_all was interrupted 1\.\d s after its owner"
        )
        self.assertRegex(told, r"by the shutdown of the reactor, with a grace of 1\.0 s$")

    def test_foreign(self) -> None:
        """foreign.py commits its rows, writes its spool, removes its folder when it is killed."""
        program = self.example("foreign.py", self.directory)
        program.wait_line("a row more", times=2)  # the first one comes before the reactor runs
        folders = [entry for entry in os.scandir(self.directory) if entry.is_dir()]
        self.assertEqual(len(folders), 1)
        rows = self.end(program).count("a row more")
        self.assertEqual(sorted(os.listdir(self.directory)), ["rows.db", "spool"])
        with open(self.path("spool")) as file:
            self.assertEqual(file.read(), "a row\n" * rows)
        database = sqlite3.connect(self.path("rows.db"))
        self.addCleanup(database.close)
        self.assertEqual(database.execute("select count(*) from rows").fetchone(), (rows,))


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

    def test_leaks(self) -> None:
        """test_leaks.py shows each leak, and its end."""
        program = self.run_to_end("-m", "twisted.trial", str(EXAMPLES / "test_leaks.py"))
        self.assertIn("PASSED (successes=7)", program.text())


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
