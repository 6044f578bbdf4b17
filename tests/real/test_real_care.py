"""The plugin and CareService around real programs: every way in, and every bad input."""

from __future__ import annotations

import json
import os
import select
import signal
import stat
import time
from typing import Any

from tests.real.apart import apart
from tests.real.children import (
    HANG,
    PROGRAMS,
    Program,
    ProgramTestCase,
    connect,
    twist_command,
    twistd_command,
)

testSuite = apart(__name__)

NOBODY = 65534
PLAIN = str(PROGRAMS / "plain.tac")
ENDINGS = str(PROGRAMS / "endings.tac")


class WaysInTests(ProgramTestCase):
    """Every way to take a program into care."""

    def check_web(self, command: list[str]) -> None:
        """Start twisted.web by this command, talk to it, end it, and look at the report."""
        program = self.run_program(command)
        program.wait_line("takes care of the plugin web: a snapshot every 0.2 s, grace 10 s")
        client = connect(int(program.wait_line(r"Site .*starting on (\d+)")[1]))
        self.addCleanup(client.close)
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertTrue(client.recv(65536).startswith(b"HTTP/1.1 200"))
        program.wait_line("snapshot 1: ")
        program.signal(signal.SIGINT)
        self.assertEqual(client.recv(65536), b"")
        self.assertEqual(program.wait(), -signal.SIGINT)
        closed = self.report()["shutdown"]["kinds"]["closed"]
        self.assertEqual((closed["connection"], closed["port"]), (1, 1))

    def test_a_plugin_under_twistd(self) -> None:
        """Any twistd plugin runs in care."""
        self.check_web(twistd_command("txresource", *WEB))

    def test_a_plugin_under_twist(self) -> None:
        """``twist`` works alike."""
        self.check_web(twist_command("--log-format", "text", "txresource", *WEB))

    def test_a_tac_by_twistds_own_option(self) -> None:
        """``twistd -ny FILE txresource`` takes the application in FILE; its log observer is used."""
        self.check_observed("-y", PLAIN, "txresource", "--interval", "0")

    def test_a_tac_by_our_option(self) -> None:
        """``--application FILE`` does the same."""
        self.check_observed("txresource", "--interval", "0", "--application", PLAIN)

    def check_observed(self, *arguments: str) -> None:
        # Its observer takes all of the log, so there is no line to wait for.
        systemd = self.listen()
        program = self.run_program(
            twistd_command(*arguments),
            OBSERVED=self.path("observed"),
            NOTIFY_SOCKET=systemd.address,
        )
        systemd.wait_line("^READY=1$")
        program.signal()
        program.wait()
        with open(self.path("observed")) as file:
            observed = file.read()
        self.assertIn("takes care of", observed)
        self.assertIn('["who", ', observed)
        self.assertIn("closed 1, aborted 0, abandoned 0", observed)

    def test_a_script(self) -> None:
        """A script's listener is managed though it opens after care began, and its peer let go."""
        program = self.run_program([*PYTHON, str(PROGRAMS / "script.py")])
        self.check_script(program)
        program.wait_line(r"\blost$")
        program.wait_line("returned")
        self.assertEqual(program.wait(), 0)
        closed = self.report()["shutdown"]["kinds"]["closed"]
        self.assertEqual((closed["connection"], closed["port"]), (1, 1))

    def test_the_same_script_without_care(self) -> None:
        """Plain Twisted never tells the protocol of a paused connection."""
        program = self.run_program([*PYTHON, str(PROGRAMS / "script.py"), "plain"])
        self.check_script(program)
        program.wait_line("returned")
        program.wait()
        self.assertNotIn("lost", program.text())

    def check_script(self, program: Program) -> None:
        client = connect(int(program.wait_line(r"port (\d+)")[1]))
        self.addCleanup(client.close)
        program.wait_line("made")
        program.signal()

    def test_sigusr2_takes_a_snapshot_with_a_table(self) -> None:
        """SIGUSR2 snapshots now; the second one shows Pympler's table of what changed."""
        program = self.run_program(twistd_command("txresource", "--interval", "0", *LISTEN))
        program.wait_line("snapshots only on SIGUSR2")
        program.signal(signal.SIGUSR2)
        program.wait_line("snapshot 1: ")
        program.signal(signal.SIGUSR2)
        program.wait_line("snapshot 2: ")
        program.wait_line(r"types \|")
        program.signal()
        program.wait()


class DaemonTests(ProgramTestCase):
    """Daemons: another process, another directory, another user."""

    def start_daemon(self, *arguments: str, **environment: str) -> int:
        """Start twistd as a daemon that tells us how it goes; its process id."""
        self.systemd = self.listen()
        command = [part for part in twistd_command() if part not in ("-n", "--pidfile=")]
        os.mkdir(self.path("run"))
        os.chmod(self.path("run"), 0o777)
        starter = self.run_program(
            [*command, "--pidfile", "daemon.pid", "--logfile", self.path("log"), "--rundir", "run"]
            + list(arguments),
            NOTIFY_SOCKET=self.systemd.address,
            **environment,
        )
        self.assertEqual(starter.wait(), 0, starter.text())
        with open(self.path("daemon.pid")) as file:
            pid = int(file.read())
        self.addCleanup(end_process, pid)
        return pid

    def end(self, pid: int, number: int = signal.SIGTERM) -> None:
        """End a daemon, which is no child of ours, and wait until it is gone."""
        known = os.pidfd_open(pid)
        self.addCleanup(os.close, known)
        os.kill(pid, number)
        ended, _, _ = select.select([known], [], [], HANG)
        self.assertTrue(ended, "the daemon does not end")

    def test_a_daemon_reports_where_it_was_started(self) -> None:
        """A relative ``--report`` means the directory of the command, whatever ``--rundir`` says."""
        pid = self.start_daemon(
            "txresource", "--report", "report.json", "--interval", "0.2", *LISTEN
        )
        self.systemd.wait_line("^STATUS=in care: 2 snapshots")
        self.assertEqual(self.report()["pid"], pid)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("report.json")).st_mode), 0o600)
        self.end(pid)
        self.assertEqual(self.report()["shutdown"]["abandoned"], [])

    def test_sighup_means_nothing_to_us(self) -> None:
        """Nobody hangs up on a daemon: SIGHUP does to it what it does without care."""
        pid = self.start_daemon("txresource", "--report", "report.json", *LISTEN)
        self.systemd.wait_line("^READY=1$")
        self.end(pid, signal.SIGHUP)
        self.assertNotIn("STOPPING=1", self.systemd.drain())
        self.assertFalse(os.path.exists(self.path("report.json")))

    def test_another_user(self) -> None:
        """``--uid`` of twistd: the report is written by that user."""
        pid = self.start_daemon(
            *("--uid", str(NOBODY), "txresource"),
            *("--report", "report.json", "--interval", "0.2", *LISTEN),
        )
        self.systemd.wait_line("^STATUS=in care: 1 snapshot")
        self.assertEqual(os.stat(self.path("report.json")).st_uid, NOBODY)
        self.end(pid)

    def test_the_user_of_a_tac_is_honoured(self) -> None:
        """A ``.tac`` that asks for another user runs as that user, and the report is written by it."""
        with open(self.path("observed"), "w"):
            os.chmod(self.path("observed"), 0o666)  # first root writes to it, then the user
        pid = self.start_daemon(
            *("txresource", "--report", "report.json", "--interval", "0.2", "--application", PLAIN),
            OBSERVED=self.path("observed"),
            AS_USER=str(NOBODY),
        )
        self.systemd.wait_line("^STATUS=in care: 1 snapshot")
        self.assertEqual(os.stat(self.path("report.json")).st_uid, NOBODY)
        with open(self.path("observed")) as file:
            self.assertIn(f'["who", {NOBODY}, {NOBODY}, {pid}, "{self.path("run")}"]', file.read())
        self.end(pid)


def end_process(pid: int) -> None:
    """Kill a daemon that a failed test left."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class EndingsTests(ProgramTestCase):
    """Services that will not end as they should."""

    def end(self, *endings: str) -> tuple[Program, dict[str, Any]]:
        program = self.run_program(
            twistd_command(
                *("txresource", "--interval", "0", "--grace", "1", "--report", "report.json"),
                *("--application", ENDINGS),
            ),
            ENDINGS=" ".join(endings),
        )
        program.wait_line('"running"')
        begun = time.monotonic()
        program.signal()
        program.wait()
        self.assertLess(time.monotonic() - begun, 1 + 2)
        with open(self.path("report.json")) as file:
            text = file.read()
        self.assertNotIn("secret", text)
        return program, json.loads(text)["shutdown"]

    def test_one_that_raises_and_one_that_fails(self) -> None:
        """Each is named with its error, and the rest is stopped all the same."""
        program, shutdown = self.end("Good", "Raises", "Fails")
        self.assertIn(["good stopped"], program.events())
        self.assertEqual(
            sorted((gone["what"], gone["error"]) for gone in shutdown["abandoned"]),
            [("service Fails", "ValueError"), ("service Raises", "RuntimeError")],
        )
        self.assertEqual(shutdown["kinds"]["closed"], {"service": 2})

    def test_one_that_hangs(self) -> None:
        """It is named, and ends nothing but itself."""
        program, shutdown = self.end("Good", "Hangs")
        self.assertIn(["good stopped"], program.events())
        self.assertEqual([gone["what"] for gone in shutdown["abandoned"]], ["service Hangs"])

    def test_a_trigger_of_somebody_else_that_hangs(self) -> None:
        """A ``before`` trigger that never fires does not hold the process either."""
        program, shutdown = self.end("Good", "HangsInATrigger")
        self.assertIn(["good stopped"], program.events())
        program.wait_line(
            "all of ours is closed: waiting for a shutdown trigger of somebody else's"
        )
        self.assertIn("going on without it", program.text())
        self.assertEqual(shutdown["abandoned"], [])

    def test_plain_ones_that_hang(self) -> None:
        """Plain: when the same time is over, twistd still waits for either of them."""
        programs = [
            self.run_program(twistd_command("-y", ENDINGS), ENDINGS=f"Good {ending}")
            for ending in ("Hangs", "HangsInATrigger")
        ]
        for program in programs:
            program.wait_line('"running"')
            program.signal()
            program.wait_line("good stopped")
        time.sleep(1 + 2)  # the end is what must not come, so there is nothing to wait for
        self.assertEqual([program.running for program in programs], [True, True])


class FullDiskTests(ProgramTestCase):
    """A disk that takes nothing more."""

    def test_the_service_goes_on(self) -> None:
        """A report that cannot be written is a line in the log; the old one stays as it was."""
        old = {"schema": 1, "tool": "txresource 0", "leaks": []}
        with open(self.path("report.json"), "w") as file:
            json.dump(old, file)
        program = self.run_program(
            [*PYTHON, "-c", FULL_DISK, *twistd_command("txresource", *WEB)[3:]]
        )
        program.wait_line("the report .* could not be written: File too large", times=2)
        program.signal()
        self.assertEqual(program.wait(), -signal.SIGTERM)
        self.assertIn("closed 2, aborted 0, abandoned 0", program.text())
        self.assertEqual(self.report(), old)
        self.assertEqual(os.listdir(self.directory), ["report.json"])


class BadInputTests(ProgramTestCase):
    """What cannot work is one clear line, a failure, and nothing started."""

    def refuse(self, *arguments: str, **environment: str) -> str:
        """Run twistd; the one line that it says."""
        program = self.run_program(twistd_command("txresource", *arguments), **environment)
        self.assertGreater(program.wait(), 0, program.text())
        said = [line for line in program.output if line.startswith("txresource: ")]
        self.assertEqual(len(said), 1, program.text())
        self.assertNotIn("Traceback", program.text())
        self.assertNotIn("takes care of", program.text())
        return said[0]

    def write(self, name: str, text: str) -> str:
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def test_no_plugin(self) -> None:
        """The plugins are listed, this one is not."""
        said = self.refuse()
        self.assertIn(" web,", said)
        self.assertNotIn("txresource,", said)

    def test_unknown_plugin(self) -> None:
        """The plugins are listed."""
        self.assertIn(" web,", self.refuse("no-such-plugin"))

    def test_numbers(self) -> None:
        """Intervals and graces are numbers of seconds, not below zero."""
        self.assertIn("--interval", self.refuse("--interval", "often", *LISTEN))
        self.assertIn("--grace", self.refuse("--grace", "-1", *LISTEN))

    def test_the_plugins_own_options(self) -> None:
        """A usage error of the plugin in care fails as well."""
        self.refuse("web", "--no-such-option")

    def test_tac_files(self) -> None:
        """A .tac that is missing, is not Python, or makes no application."""
        self.assertIn("nowhere.tac", self.refuse("--application", "nowhere.tac"))
        self.assertIn("line 1", self.refuse("--application", self.write("a.tac", "def")))
        self.assertIn("no application", self.refuse("--application", self.write("b.tac", "x = 1")))

    def test_report_paths(self) -> None:
        """A report that cannot be written, or that would replace another file."""
        self.assertIn("no/where", self.refuse("--report", "no/where/r.json", *LISTEN))
        other = self.write("precious.json", '{"mine": true}')
        self.assertIn("precious", self.refuse("--report", other, *LISTEN))
        with open(other) as file:
            self.assertEqual(file.read(), '{"mine": true}')

    def test_a_report_that_the_tacs_user_cannot_write(self) -> None:
        """Writable is asked for the user that will write."""
        os.chmod(self.directory, 0o755)
        said = self.refuse(
            *("--report", "report.json", "--application", PLAIN), AS_USER=str(NOBODY), OBSERVED="x"
        )
        self.assertIn(str(NOBODY), said)

    def test_a_plugin_that_raises(self) -> None:
        """The error is its own, and the status a failure."""
        program = self.run_program(
            twistd_command("txresource", "--application", self.write("c.tac", "1 / 0"))
        )
        self.assertGreater(program.wait(), 0)
        self.assertIn("ZeroDivisionError", program.text())


PYTHON = twistd_command()[:1]
#: twistd in a process that may not write files of more than 64 bytes.
FULL_DISK = (
    "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64));"
    "from twisted.scripts.twistd import run; run()"
)
LISTEN = ("web", "--listen", "tcp:0:interface=127.0.0.1")
WEB = ("--report", "report.json", "--interval", "0.2", *LISTEN)
