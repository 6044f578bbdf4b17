"""How connections of a web server are closed that are not HTTP/1.1 any more."""

from __future__ import annotations

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http import HTTPChannel

from txresource.closers.web import HTTP1Policy


class Wire(StringTransport):
    """A transport that remembers whether it had a producer when it was lost."""

    produced = True

    def loseConnection(self) -> None:
        """As TLS does, which waits for the producer."""
        self.produced = self.producer is not None
        super().loseConnection()


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
