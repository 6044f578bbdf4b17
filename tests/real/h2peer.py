"""A client of HTTP/2 that sees every frame, and goes on after a GOAWAY, as h2's own does not."""

from __future__ import annotations

import ssl
from collections import defaultdict
from typing import Any

import h2.connection
import h2.errors
import h2.events
from hyperframe.frame import Frame, GoAwayFrame, PingFrame

from tests.real.children import connect


def tls(port: int, *protocols: str) -> ssl.SSLSocket:
    """Connect with TLS, offering these protocols."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(list(protocols))
    return context.wrap_socket(connect(port))


class H2Peer:
    """
    One connection, used in a thread or against a child process: it blocks.

    :ivar goaways: the last streams that the GOAWAYs named.
    :ivar bodies: what each stream answered.
    :ivar ended: the streams that were answered whole.
    :ivar resets: the code with which a stream was reset.
    :ivar pings: what the peer asked that was not answered yet.
    """

    def __init__(self, port: int) -> None:
        self.socket = tls(port, "h2")
        assert self.socket.selected_alpn_protocol() == "h2"
        self._conn = h2.connection.H2Connection()
        self._data = b""
        self.goaways: list[int] = []
        self.bodies: dict[int, bytes] = defaultdict(bytes)
        self.ended: set[int] = set()
        self.resets: dict[int, Any] = {}
        self.pings: list[bytes] = []
        self.over = False

    def start(self) -> None:
        """Say hello."""
        self._conn.initiate_connection()
        self._send()

    def _send(self) -> None:
        self.socket.sendall(self._conn.data_to_send())

    def ask(self, path: str) -> int:
        """Open a stream; its number."""
        stream = self._conn.get_next_available_stream_id()
        self._conn.send_headers(
            stream,
            [(":method", "GET"), (":path", path), (":scheme", "https"), (":authority", "x")],
            end_stream=True,
        )
        self._send()
        return stream

    def answer_pings(self) -> None:
        """Answer what was asked."""
        while self.pings:
            frame = PingFrame(0, opaque_data=self.pings.pop(0), flags=["ACK"])
            self.socket.sendall(frame.serialize())

    def read_until(self, seen: Any) -> None:
        """Read frames until a callable says that it has seen what it waits for, or to the end."""
        while not seen() and not self.over:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            self.over = not data
            if self.over:
                self.socket.close()  # else TLS waits for an answer
            self._data += data
            self._take_frames()

    def _take_frames(self) -> None:
        while len(self._data) >= 9:
            frame, length = Frame.parse_frame_header(memoryview(self._data[:9]))
            if len(self._data) < 9 + length:
                return
            whole, self._data = self._data[: 9 + length], self._data[9 + length :]
            frame.parse_body(memoryview(whole[9:]))
            if isinstance(frame, GoAwayFrame):
                self.goaways.append(frame.last_stream_id)
            elif isinstance(frame, PingFrame) and "ACK" not in frame.flags:
                self.pings.append(frame.opaque_data)
            else:
                for event in self._conn.receive_data(whole):
                    self._note(event)
                self._send()

    def _note(self, event: Any) -> None:
        if isinstance(event, h2.events.DataReceived):
            self.bodies[event.stream_id] += event.data
            self._conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.ended.add(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.resets[event.stream_id] = event.error_code
