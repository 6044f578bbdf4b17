"""Shutdown of a server whose peers do everything to stay, in care and under plain twistd."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from tests.real.apart import apart
from tests.real.children import (
    PROGRAMS,
    Program,
    close_with_reset,
    connect,
    reactor_name,
    read_to_end,
    twistd_command,
)

testSuite = apart(__name__)

GRACE = 3.0
SERVER = str(PROGRAMS / "stuck_server.tac")
#: How the slow answer ends, the last chunk included.
WHOLE = b"all of it\r\n0\r\n\r\n"
IDLE, STUCK, PAUSED, HALF_CLOSED = 50, 10, 5, 5


class Siege:
    """A stuck server with all its peers connected, each in its state."""

    def __init__(self, test: SynchronousTestCase, *command: str, **environment: str) -> None:
        self.directory = test.mktemp()
        os.mkdir(self.directory)
        with open(os.path.join(self.directory, "big"), "wb") as file:
            file.truncate(64 * 1024 * 1024)
        self.program = Program(twistd_command(*command), self.directory, **environment)
        test.addCleanup(self.program.close)
        self.clients: list[socket.socket] = []
        test.addCleanup(self.close)
        ports = [
            int(self.program.wait_line(rf'\["port", "{name}", (\d+)\]')[1])
            for name in ("web", "plain")
        ]
        self.connect_all(*ports)

    def connect_all(self, web: int, plain: int) -> None:
        for _ in range(IDLE):
            client = self.open(web, b"GET /fast HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
        for _ in range(STUCK):
            client = self.open(web, b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n", receive_buffer=4096)
            assert client.recv(1024)
        for _ in range(PAUSED):
            self.open(plain, b"pause")
        self.program.wait_line('"paused"', times=PAUSED)
        for _ in range(HALF_CLOSED):
            self.open(plain, b"").shutdown(socket.SHUT_WR)
        self.program.wait_line('"half closed"', times=HALF_CLOSED)
        self.slow = self.open(web, b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        self.program.wait_line("slow begun")

    def open(self, port: int, data: bytes, receive_buffer: int | None = None) -> socket.socket:
        client = connect(port, receive_buffer)
        self.clients.append(client)
        client.sendall(data)
        return client

    def close(self) -> None:
        for client in self.clients:
            close_with_reset(client)

    def made_and_lost(self) -> tuple[Counter[tuple[str, int]], Counter[tuple[str, int]]]:
        events = self.program.events()
        # By server and port of the client: two clients of different servers may share a port.
        made = Counter((event[1], event[2]) for event in events if event[0] == "made")
        lost = Counter((event[1], event[2]) for event in events if event[0] == "lost")
        return made, lost


class ShutdownTests(SynchronousTestCase):
    """SIGTERM to a server under siege."""

    def in_care(self, **environment: str) -> Siege:
        siege = Siege(
            self,
            *(
                "--reactor",
                reactor_name(),
                "txresource",
                "--grace",
                str(GRACE),
                "--interval",
                "0.2",
            ),
            *("--report", "report.json", "--application", SERVER),
            **environment,
        )
        siege.program.wait_line(r"snapshot \d+: [\d,]+ objects", times=3)
        return siege

    def report(self, siege: Siege) -> dict:
        with open(os.path.join(siege.directory, "report.json")) as file:
            return json.load(file)

    def test_everything_is_closed_in_time_and_accounted_for(self) -> None:
        """The answer under way arrives whole, everybody hears the end once, the report adds up."""
        siege = self.in_care()
        begun = time.monotonic()
        siege.program.signal()
        answer = read_to_end(siege.slow)
        self.assertTrue(answer.endswith(WHOLE), answer)
        status = siege.program.wait()
        took = time.monotonic() - begun
        self.assertLess(took, GRACE + 2)
        self.assertEqual(status, -signal.SIGTERM)

        made, lost = siege.made_and_lost()
        self.assertEqual(len(made), IDLE + STUCK + PAUSED + HALF_CLOSED + 1)
        self.assertEqual(made, lost)

        self.assertIn(["left", 0, 0, 0], siege.program.events())
        self.assertTrue(siege.program.group_is_empty())

        report = self.report(siege)
        shutdown = report["shutdown"]
        self.assertGreaterEqual(report["snapshots"]["taken"], 3)
        self.assertEqual(
            shutdown["kinds"],
            {
                "closed": {"connection": IDLE + PAUSED + HALF_CLOSED + 1, "port": 2, "service": 2},
                "aborted": {"connection": STUCK},
            },
        )
        self.assertEqual(shutdown["closed"], IDLE + PAUSED + HALF_CLOSED + 1 + 2 + 2)
        self.assertEqual(shutdown["aborted"], STUCK)
        self.assertEqual([gone["what"] for gone in shutdown["abandoned"]], ["service Hanging"])
        self.assertIsNotNone(report["ended"])

    def test_a_second_signal_ends_it_now(self) -> None:
        """Half-way through the grace, a second SIGTERM aborts what is left."""
        siege = self.in_care(SLOW="60")  # not over before the second signal, however slow we are
        siege.program.signal()
        siege.program.wait_line(r"closing \d.* connections")
        begun = time.monotonic()
        siege.program.signal()
        siege.program.wait()
        self.assertLess(time.monotonic() - begun, 1.0)
        made, lost = siege.made_and_lost()
        self.assertEqual(made, lost)
        self.assertIn(["left", 0, 0, 0], siege.program.events())
        self.assertTrue(siege.program.group_is_empty())
        shutdown = self.report(siege)["shutdown"]
        self.assertEqual(shutdown["kinds"]["aborted"]["connection"], STUCK + 1)

    def test_plain_twistd_never_ends(self) -> None:
        """Without care a service that never stops keeps the server for ever, whatever signals."""
        siege = Siege(self, "-y", SERVER)
        siege.program.signal()
        siege.program.wait_line("told to stop")
        siege.program.signal()
        siege.program.wait_line("ReactorNotRunning")
        self.assertTrue(siege.program.running)
        made, lost = siege.made_and_lost()
        self.assertEqual(len(made), IDLE + STUCK + PAUSED + HALF_CLOSED + 1)
        self.assertEqual(sum(lost.values()), 0)

    def test_plain_twistd_cuts_answers_and_forgets_connections(self) -> None:
        """Where every service stops, plain twistd cuts the answer, and some never hear the end."""
        siege = Siege(self, "-y", SERVER, WITHOUT_HANGING="1")
        siege.program.signal()
        self.assertFalse(read_to_end(siege.slow).endswith(WHOLE))
        siege.program.wait()
        made, lost = siege.made_and_lost()
        self.assertGreaterEqual(len(made - lost), PAUSED)
