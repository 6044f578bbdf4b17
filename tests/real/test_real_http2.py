"""HTTP/2 in care and under plain twistd: two clients of other makers, and every frame looked at."""

from __future__ import annotations

import shutil
import signal
import time
from typing import Any

import h2.errors

from tests.real.children import PROGRAMS, Program, ProgramTestCase, twistd_command
from tests.real.h2peer import H2Peer
from tests.real.tls import certificate

WEB = str(PROGRAMS / "web.tac")
EVERY = 2**31 - 1


class WebCase(ProgramTestCase):
    """A server of its own for each test."""

    def serve(self, *options: str, care: bool = True) -> Program:
        """Start the server, in care or under plain twistd."""
        with open(self.path("server.pem"), "wb") as file:
            file.write(certificate().dumpPEM() + certificate().privateKey.dump(1))
        command = ("txresource", *options, "--application", WEB) if care else ("-y", WEB)
        if care:
            command = (*command[:1], "--interval", "0", "--report", "report.json", *command[1:])
        self.server = self.run_program(twistd_command(*command))
        self.server.wait_line('"port", "unix"')
        return self.server

    def port(self, name: str) -> int:
        """Where it listens."""
        return int(self.server.wait_line(rf'"port", "{name}", (\d+)')[1])

    def go_on(self) -> None:
        """Let the slow answers end."""
        with open(self.path("go on"), "w"):
            pass

    def log(self) -> str:
        """The access log."""
        with open(self.path("access.log")) as file:
            return file.read()


class GoodbyeTests(WebCase):
    """A client that does everything that it may."""

    def begin(self, *options: str, care: bool = True) -> tuple[Program, H2Peer]:
        """A server with one stream in flight, told to end."""
        server = self.serve(*options, care=care)
        peer = H2Peer(self.port("tls"))
        self.addCleanup(peer.socket.close)
        peer.start()
        self.assertEqual(peer.ask("/slow"), 1)
        server.wait_line("slow begun")
        server.signal()
        return server, peer

    def test_in_flight(self) -> None:
        """Streams in flight and on their way are answered whole and logged; later ones refused."""
        server, peer = self.begin()
        peer.read_until(lambda: peer.goaways and peer.pings)
        self.assertEqual(peer.goaways, [EVERY])
        self.assertEqual(peer.ask("/fast"), 3)  # it was on its way when the server said goodbye
        peer.answer_pings()
        peer.read_until(lambda: len(peer.goaways) == 2 and 3 in peer.ended)
        self.assertEqual(peer.goaways, [EVERY, 3])
        for stream in (5, 7, 9):
            self.assertEqual(peer.ask("/fast"), stream)
        peer.read_until(lambda: 9 in peer.resets)
        self.go_on()
        peer.read_until(lambda: False)
        self.assertEqual(peer.resets, dict.fromkeys((5, 7, 9), h2.errors.ErrorCodes.REFUSED_STREAM))
        self.assertEqual((peer.ended, peer.bodies), ({1, 3}, {1: b"begun ended", 3: b"fast"}))
        self.assertEqual(set(peer.goaways[2:]) - {3}, set())
        self.assertEqual(server.wait(), -signal.SIGTERM)
        self.assertEqual((self.log().count("GET /slow"), self.log().count("GET /fast")), (1, 1))
        self.assertEqual(self.report()["shutdown"]["kinds"]["aborted"], {})

    def test_plain(self) -> None:
        """Under plain twistd the stream is cut, and nobody is told."""
        server, peer = self.begin(care=False)
        peer.read_until(lambda: False)
        self.assertEqual((peer.ended, peer.goaways), (set(), []))
        server.wait()

    def test_idle(self) -> None:
        """A client without a stream is told, and let go when it has answered."""
        server = self.serve()
        peer = H2Peer(self.port("tls"))
        self.addCleanup(peer.socket.close)
        peer.start()
        peer.ask("/fast")
        peer.read_until(lambda: 1 in peer.ended)
        server.signal()
        peer.read_until(lambda: peer.pings)
        peer.answer_pings()
        peer.read_until(lambda: False)
        self.assertEqual(peer.goaways[:2], [EVERY, 1])
        server.wait()

    def test_never_answers(self) -> None:
        """A client that never answers holds nothing up past the deadline."""
        server, peer = self.begin("--grace", "0.5")
        self.go_on()
        began = time.monotonic()
        peer.read_until(lambda: False)
        server.wait()
        self.assertLess(time.monotonic() - began, 0.5 + 2)
        self.assertEqual((peer.ended, peer.goaways[0]), ({1}, EVERY))

    def test_first_word_while_it_drains(self) -> None:
        """A client that has connected and not said a word yet is answered, and told."""
        server = self.serve()
        holder = H2Peer(self.port("tls"))
        self.addCleanup(holder.socket.close)
        holder.start()
        holder.ask("/slow")
        server.wait_line("slow begun")
        peer = H2Peer(self.port("tls"))
        self.addCleanup(peer.socket.close)
        server.signal()
        holder.read_until(lambda: holder.goaways)  # the drain pass is over
        peer.start()
        peer.ask("/fast")
        peer.read_until(lambda: peer.pings and 1 in peer.ended)
        for each in (holder, peer):
            each.answer_pings()
        self.go_on()
        for each in (holder, peer):
            each.read_until(lambda: False)
        self.assertEqual((peer.bodies, peer.goaways[:2]), ({1: b"fast"}, [EVERY, 1]))
        self.assertEqual(holder.ended, {1})
        server.wait()

    def test_linger(self) -> None:
        """While the server lingers the client is told, and its further streams are served."""
        server, peer = self.begin("--linger", "1")
        peer.read_until(lambda: peer.goaways)
        self.assertEqual((peer.goaways, peer.pings), ([EVERY], []))
        peer.ask("/fast")
        peer.read_until(lambda: 3 in peer.ended)
        peer.read_until(lambda: peer.pings)
        peer.answer_pings()
        self.go_on()
        peer.read_until(lambda: False)
        self.assertEqual((peer.goaways[:2], peer.ended), ([EVERY, 3], {1, 3}))
        server.wait()


class NodeTests(WebCase):
    """The client of node."""

    if shutil.which("node") is None:
        skip = "node is not on this machine"

    def ask(self, server: Program, streams: int) -> Program:
        """A client with so many streams in flight, while the server is told to end."""
        client = self.run_program(
            ["node", str(PROGRAMS / "h2_client.js"), str(self.port("tls")), str(streams)]
        )
        client.wait_line('"answered"', times=streams)
        server.signal()
        return client

    def bodies(self, client: Program) -> list[Any]:
        """What became of its streams."""
        return [event[2] for event in client.events() if event[0] == "ended"]

    def test_in_care(self) -> None:
        """Every stream in flight is answered whole; the client hears the goodbye and lets go."""
        server = self.serve()
        client = self.ask(server, 5)
        client.wait_line('"goaway"')
        self.go_on()
        self.assertEqual(client.wait(), 0)
        server.wait()
        events = client.events()
        self.assertIn(["goaway", 0, EVERY], events)
        self.assertEqual(self.bodies(client).count("begun ended"), 5)
        # The stream that it opened when it had been told is served or refused, never cut.
        late = [event[2] for event in events if event[0] in ("ended", "failed")]
        late = [what for what in late if what != "begun ended"]
        refused = "Stream closed with error code NGHTTP2_REFUSED_STREAM"
        self.assertIn(late, ([], ["fast"], [refused]), events)
        self.assertEqual(self.report()["shutdown"]["kinds"]["aborted"], {})

    def test_plain(self) -> None:
        """Under plain twistd every stream in flight is cut."""
        client = self.ask(self.serve(care=False), 5)
        client.wait()
        self.assertNotIn("begun ended", self.bodies(client))
        self.assertNotIn("goaway", client.text())
