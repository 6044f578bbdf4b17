"""What a program in care tells systemd, over the socket that systemd would give it."""

from __future__ import annotations

import signal
from uuid import uuid4

from tests.real.apart import apart
from tests.real.children import connect, twistd_command
from tests.real.held_case import HELD, TWISTD, HeldCase, script

testSuite = apart(__name__)


class SystemdTests(HeldCase):
    """``NOTIFY_SOCKET``."""

    def test_ready_and_stopping(self) -> None:
        """READY means that the port listens; while a shutdown waits it says for what."""
        systemd = self.listen()
        program = self.run_program(TWISTD, NOTIFY_SOCKET=systemd.address)
        systemd.wait_line("^READY=1$")
        systemd.wait_line("^STATUS=in care: .*1 port")
        self.client = connect(int(program.wait_line(r'\["port", (\d+)\]')[1]))
        self.addCleanup(self.client.close)
        program.wait_line('"made"')
        program.signal()
        systemd.wait_line("^STOPPING=1$")
        systemd.wait_line("^EXTEND_TIMEOUT_USEC=71500000$")
        systemd.wait_line("^STATUS=draining: .*1 connection.* left$")
        systemd.wait_line("^STATUS=draining: .*1 connection.* left$", times=2)
        program.wait_line(r"closing for \d+ s, still waiting for .*1 connection")
        program.wait_line(
            r"connection Held  closing, .*, of factory .*\[held.tac:\d+ in startService"
        )
        self.check_drained(program, -signal.SIGTERM)
        self.assertRegex(systemd.drain()[-1], r"^STATUS=closed 3, aborted 0, abandoned 0 in ")

    def test_a_script_and_an_abstract_socket(self) -> None:
        """A script in care tells it as well, and a socket without a path hears it."""
        systemd = self.listen(f"@txresource-{uuid4().hex}")
        program = self.serve(script("care"), NOTIFY_SOCKET=systemd.address)
        systemd.wait_line("^READY=1$")
        program.signal()
        systemd.wait_line("^STOPPING=1$")
        self.check_drained(program, 0)

    def test_nobody_listens(self) -> None:
        """A socket that is not there costs one line in the log."""
        program = self.serve(TWISTD, NOTIFY_SOCKET=self.path("nowhere"))
        program.signal()
        self.check_drained(program, -signal.SIGTERM)
        self.assertEqual(program.text().count("cannot be told: No such file"), 1)

    def test_plain(self) -> None:
        """Plain twistd tells nobody that it is ready, nor that it stops."""
        systemd = self.listen()
        program = self.serve(twistd_command("-y", HELD), NOTIFY_SOCKET=systemd.address)
        program.signal()
        program.wait()
        self.assertEqual(systemd.drain(), [])
