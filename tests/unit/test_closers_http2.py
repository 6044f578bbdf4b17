"""How HTTP/2 says goodbye, frame by frame, in memory."""

from __future__ import annotations

from typing import Any

import h2.connection
import h2.errors
import h2.events
from hyperframe.frame import Frame, GoAwayFrame, PingFrame, RstStreamFrame
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web._http2 import H2Connection
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from txresource.closers.goodbye import find_policy
from txresource.closers.http2 import HTTP2Policy

EVERY = 2**31 - 1
HEADERS = [(":path", "/"), (":scheme", "https"), (":authority", "x")]


class Held(Resource):
    """Answers when it is told to."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Any] = []
        self.lost: list[Deferred[None]] = []

    def render_GET(self, request: Any) -> Any:
        """Wait."""
        self.requests.append(request)
        self.lost.append(request.notifyFinish())
        return NOT_DONE_YET


class HTTP2Tests(SynchronousTestCase):
    """``HTTP2Policy``."""

    def setUp(self) -> None:
        """A server and a client that have greeted each other."""
        self.clock = Clock()
        self.held = Held()
        self.server: Any = H2Connection(self.clock)
        self.server.site = self.server.factory = Site(self.held, reactor=self.clock)
        self.server.requestFactory = Request
        self.server.callLater = self.clock.callLater
        self.wire = StringTransport()
        self.server.makeConnection(self.wire)
        self.wire.registerProducer(self.server, True)
        self.client = h2.connection.H2Connection()
        self.client.initiate_connection()
        self.client.receive_data(self.wire.value())
        self.policy = HTTP2Policy()
        self.send()
        self.said()

    def send(self, *frames: Frame) -> None:
        """Let the server have what the client says, and these frames."""
        more = b"".join(frame.serialize() for frame in frames)
        self.server.dataReceived(self.client.data_to_send() + more)
        self.clock.pump([0] * 10)

    def said(self) -> list[tuple[str, Any]]:
        """What the server has said since it was asked last, as far as it matters here."""
        data, found = self.wire.value(), []
        self.wire.clear()
        while data:
            frame, length = Frame.parse_frame_header(memoryview(data[:9]))
            frame.parse_body(memoryview(data[9 : 9 + length]))
            data = data[9 + length :]
            if isinstance(frame, GoAwayFrame):
                found.append(("goaway", frame.last_stream_id))
            elif isinstance(frame, RstStreamFrame):
                found.append(("reset", (frame.stream_id, frame.error_code)))
            elif isinstance(frame, PingFrame):
                found.append(("ping", frame.opaque_data))
        return found

    def ask(self, method: str = "GET", body: bytes | None = None) -> int:
        """Open a stream."""
        stream = self.client.get_next_available_stream_id()
        headers = [(":method", method), *HEADERS]
        self.client.send_headers(stream, headers, end_stream=body is None)
        if body is not None:
            self.client.send_data(stream, body, end_stream=True)
        return stream

    def goodbye(self) -> PingFrame:
        """Say goodbye; the answer of a client that has heard it."""
        self.assertFalse(self.policy.goodbye(self.server, self.wire))
        (ping, text), goaway = self.said()
        self.assertEqual((ping, goaway), ("ping", ("goaway", EVERY)))
        return PingFrame(0, opaque_data=text, flags=["ACK"])

    def test_registered(self) -> None:
        """It is the policy of Twisted's class."""
        self.assertIsInstance(find_policy(self.server), HTTP2Policy)

    def test_idle(self) -> None:
        """Busy until the client knows; then a GOAWAY, and no producer to hold up the close of TLS."""
        self.assertFalse(self.policy.busy(self.server))
        known = self.goodbye()
        self.assertTrue(self.policy.busy(self.server))
        self.send(PingFrame(0, opaque_data=b"whatever", flags=["ACK"]))
        self.assertTrue(self.policy.busy(self.server))
        self.send(known)
        self.assertFalse(self.policy.busy(self.server))
        self.policy.lose(self.server, self.wire)
        self.assertEqual(self.said(), [("goaway", 0), ("goaway", 0)])
        self.assertEqual((self.wire.producer, self.wire.disconnecting), (None, True))

    def test_never_told(self) -> None:
        """Lost without a goodbye before, it names the last stream that it has seen."""
        self.ask()
        self.send()
        self.held.requests[0].finish()
        self.clock.pump([0] * 10)
        self.policy.lose(self.server, self.wire)
        self.assertEqual(self.said(), [("goaway", 1)])

    def test_streams(self) -> None:
        """Streams that were on their way are served, later ones refused; those in flight finish."""
        self.ask()
        self.send()
        known = self.goodbye()
        self.ask()
        self.send()
        self.send(known)
        self.assertEqual(self.said(), [("goaway", 3)])
        for body in (None, b"x" * 10_000):
            self.ask("POST" if body else "GET", body)
        self.send()
        resets = [what for what in self.said() if what[0] == "reset"]
        refused = int(h2.errors.ErrorCodes.REFUSED_STREAM)
        self.assertEqual(sorted(set(resets)), [("reset", (5, refused)), ("reset", (7, refused))])
        self.assertEqual((len(self.held.requests), sorted(self.server.streams)), (2, [1, 3]))
        self.policy.lose(self.server, self.wire)  # the deadline
        self.assertEqual(self.said(), [])
        self.assertTrue(self.policy.busy(self.server))
        for request in self.held.requests:
            request.finish()
        self.clock.pump([0] * 10)
        self.assertFalse(self.policy.busy(self.server))
        self.policy.lose(self.server, self.wire)
        self.assertEqual(self.said(), [("goaway", 3)])

    def test_known_in_the_same_segment(self) -> None:
        """What comes in one segment is told apart by its place in it."""
        known = self.goodbye()
        self.ask()
        before = self.client.data_to_send()
        self.ask()
        after = self.client.data_to_send()
        self.server.dataReceived(before + known.serialize() + after)
        self.assertEqual(list(self.server.streams), [1])
        said = self.said()
        self.assertEqual(said[0], ("goaway", 1))
        self.assertEqual(said[1][1][0], 3)

    def test_client_leaves_in_peace(self) -> None:
        """A client that says goodbye in its turn still gets what it has asked for."""
        self.ask()
        self.send()
        self.goodbye()
        self.send(GoAwayFrame(0, last_stream_id=0))
        self.assertNoResult(self.held.lost[0])
        self.held.requests[0].finish()
        self.clock.pump([0] * 10)
        self.successResultOf(self.held.lost[0])
        self.assertFalse(self.policy.busy(self.server))

    def test_client_leaves_in_anger(self) -> None:
        """One that names an error gets nothing more, as ever."""
        self.ask()
        self.send()
        self.goodbye()
        self.send(GoAwayFrame(0, last_stream_id=0, error_code=1))
        self.failureResultOf(self.held.lost[0])

    def test_linger(self) -> None:
        """Told once in the linger, it serves what comes; the goodbye then asks whether it is known."""
        self.policy.linger(self.server, self.wire)
        self.policy.linger(self.server, self.wire)
        self.assertEqual(self.said(), [("goaway", EVERY)])
        self.assertFalse(self.policy.busy(self.server))
        self.ask()
        self.send()
        self.assertEqual(len(self.held.requests), 1)
        self.policy.goodbye(self.server, self.wire)
        ((ping, text),) = self.said()
        self.assertEqual(ping, "ping")
        self.send(PingFrame(0, opaque_data=text, flags=["ACK"]))
        self.assertEqual(self.said(), [("goaway", 1)])
