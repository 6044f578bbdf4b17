"""How connections of a web server are closed that are not HTTP/1.1 any more."""

from __future__ import annotations

from typing import Any

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import HTTPChannel

from txresource.closers.web import HTTP1Policy, HTTP2Policy


class Wire(StringTransport):
    """A transport that remembers whether it had a producer when it was lost."""

    produced = True

    def loseConnection(self) -> None:
        """As TLS does, which waits for the producer."""
        self.produced = self.producer is not None
        super().loseConnection()


class Conversation:
    """The part of ``h2.connection.H2Connection`` that says goodbye."""

    closed = False

    def close_connection(self) -> None:
        """Begin to."""
        self.closed = True

    def data_to_send(self) -> bytes:
        """What that has to tell the peer."""
        return b"goaway" if self.closed else b""


class Multiplexed:
    """The part of ``twisted.web._http2.H2Connection`` that matters here."""

    def __init__(self, transport: Wire) -> None:
        self.streams: dict[int, Any] = {}
        self.conn = Conversation()
        transport.registerProducer(self, True)


class UpgradedTests(SynchronousTestCase):
    """A channel that another protocol took over while its request goes on for ever."""

    def upgraded(self) -> tuple[HTTPChannel, Wire]:
        """A channel with such a request."""
        channel, wire = HTTPChannel(), Wire()
        channel.makeConnection(wire)
        channel.dataReceived(b"GET / HTTP/1.1\r\nHost: x\r\n")
        self.assertTrue(HTTP1Policy().busy(channel))
        return channel, wire

    def check(self, channel: HTTPChannel, wire: Wire) -> None:
        """It is idle, and lost."""
        policy = HTTP1Policy()
        self.assertFalse(policy.busy(channel))
        self.assertTrue(policy.goodbye(channel, wire))
        self.assertTrue(wire.disconnecting)
        channel.setTimeout(None)

    def test_methods_replaced(self) -> None:
        """A channel whose bytes go to another protocol, as Twisted's WebSocket has it."""
        channel, wire = self.upgraded()
        channel.dataReceived = lambda data: None  # type: ignore[method-assign]
        self.check(channel, wire)
        self.assertFalse(wire.produced)

    def test_transport_taken(self) -> None:
        """A channel without its transport, as autobahn's WebSocket has it."""
        channel, wire = self.upgraded()
        channel.transport = None
        self.check(channel, wire)


class HTTP2Tests(SynchronousTestCase):
    """``HTTP2Policy``."""

    def test_idle(self) -> None:
        """Without a stream: GOAWAY, and no producer that would hold up the close of TLS."""
        wire = Wire()
        self.assertTrue(HTTP2Policy().goodbye(Multiplexed(wire), wire))
        self.assertEqual((wire.value(), wire.produced), (b"goaway", False))
        self.assertTrue(wire.disconnecting)

    def test_busy(self) -> None:
        """With a stream it waits; told to close all the same, it ends no conversation."""
        wire = Wire()
        connection = Multiplexed(wire)
        connection.streams[1] = object()
        self.assertFalse(HTTP2Policy().goodbye(connection, wire))
        self.assertFalse(wire.disconnecting)
        HTTP2Policy().lose(connection, wire)
        self.assertEqual((wire.value(), wire.disconnecting), (b"", True))
