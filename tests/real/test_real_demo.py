"""The bundled demo, as somebody at a terminal meets it."""

from __future__ import annotations

import re
import signal
from urllib.request import urlopen

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.real.apart import apart
from tests.real.children import (
    HANG,
    ProgramTestCase,
    connect,
    read_to_end,
    twist_command,
    twistd_command,
)
from txresource.demo import Chat, ChatRoom, Message

testSuite = apart(__name__)

GROWING = (
    r"snapshot (\d+): .*growing: .*txresource\.demo\.Message held by"
    r" txresource\.demo\.ChatRoom\.archive \+[\d,]+ a minute to [\d,]+"
)
NEWS = (
    r"demo: (\d+) on, .* web front at (http://127\.0\.0\.1:\d+/), chat at 127\.0\.0\.1 port (\d+)"
)
CLOSED = r"closed \d+, aborted 0, abandoned 0 in \d+\.\d s"


class DemoTests(ProgramTestCase):
    """The demo under twistd and twist."""

    def test_shows_its_leak_and_closes(self) -> None:
        """
        With nothing but --demo it says where it is, names what grows and what holds it by the
        seventh snapshot, and at Ctrl-C closes everything.
        """
        program = self.run_program(twistd_command("txresource", "--report=report.json", "--demo"))
        self.assertIn("a snapshot every 2 s", program.wait_line("takes care of the demo: .*")[0])
        news = program.wait_line(NEWS)
        client = connect(int(news[3]))
        self.addCleanup(client.close)
        client.sendall(b"<guest>\n\x1b[2Jhi & <bye>\n")
        while b"[2Jhi" not in (received := client.recv(65536)):
            self.assertNotEqual(received, b"")
        self.assertNotIn(b"\x1b", received)
        with urlopen(news[2], timeout=HANG) as response:
            page = response.read().decode()
        self.assertIn("<b>&lt;guest&gt;</b>: [2Jhi &amp; &lt;bye&gt;", page)
        self.assertRegex(page, r"On: .*visitor \d+")
        # Two seconds each: well within the first twenty.
        self.assertLessEqual(int(program.wait_line(GROWING)[1]), 7)
        program.signal(signal.SIGINT)
        self.assertIn(b"* the server is closing\n", read_to_end(client))
        program.wait_line(CLOSED)
        self.assertEqual(program.wait(), -signal.SIGINT)
        report = self.report()
        found = [entry["title"] for entry in report["leaks"] + report["growing"]]
        self.assertTrue(any("txresource.demo.Message" in title for title in found), found)
        self.assertEqual(report["shutdown"]["abandoned"], [])
        self.assertNotIn("Traceback", program.text())

    def test_without_leak_nothing_of_its_own_grows(self) -> None:
        """With --no-leak none of the demo's types is called growing, however often one looks."""
        arguments = ("--log-format=text", "txresource", "--interval=0.1", "--demo", "--no-leak")
        program = self.run_program(twist_command(*arguments))
        kept = program.wait_line(r"demo: [2-7] on, \d+\.\d messages a second, (\d+) kept for good")
        self.assertEqual(kept[1], "0")
        program.wait_line(r"snapshot \d+: ", times=4)
        program.signal(signal.SIGINT)
        program.wait_line(CLOSED)
        program.wait()
        self.assertEqual(re.findall(r"growing: .*txresource\.demo.*", program.text()), [])

    def test_no_leak_is_for_the_demo(self) -> None:
        """--no-leak without --demo is a usage error in one sentence."""
        program = self.run_program(twistd_command("txresource", "--no-leak", "web"))
        program.wait_line("txresource: --no-leak belongs to --demo")
        self.assertEqual(program.wait(), 1)


class ChatTests(SynchronousTestCase):
    """The chat itself, in memory."""

    def setUp(self) -> None:
        self.room = ChatRoom(Clock(), leak=False)

    def come(self, name: bytes) -> tuple[Chat, StringTransport]:
        """Connect, and give a name."""
        chat = self.room.buildProtocol(None)
        assert isinstance(chat, Chat)
        transport = StringTransport()
        chat.makeConnection(transport)
        chat.dataReceived(name + b"\n")
        return chat, transport

    def test_slow_reader_fills_no_memory(self) -> None:
        """One who does not read misses what is said, and hears on when it has caught up."""
        _, transport = self.come(b"slow")
        transport.clear()
        transport.producer.pauseProducing()
        self.room.say(Message("a", "missed"))
        transport.producer.resumeProducing()
        self.room.say(Message("a", "heard"))
        self.assertEqual(transport.value(), b"a: heard\n")

    def test_name_is_taken_once(self) -> None:
        """A second one with the same name is not let in, and its leaving puts nobody out."""
        self.come(b"me")
        second, transport = self.come(b"me")
        self.assertIn(b"that name is taken", transport.value())
        self.room.leave(second)
        self.assertEqual(list(self.room.present), ["me"])

    def test_leaving_frees_the_name(self) -> None:
        """Who is gone is shown no more, and another may have the name."""
        first, _ = self.come(b"me")
        first.connectionLost(Failure(ConnectionDone()))
        second, _ = self.come(b"me")
        self.assertEqual(self.room.present, {"me": second})

    def test_without_leak_messages_are_let_go(self) -> None:
        """Without the leak the room keeps no more than the page shows."""
        for number in range(100):
            self.room.say(Message("a", str(number)))
        self.assertEqual((self.room.said, len(self.room.recent)), (100, 8))
        self.assertIsNone(self.room.archive)
