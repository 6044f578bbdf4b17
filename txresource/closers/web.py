"""How the connections of twisted.web's servers and clients say goodbye."""

from __future__ import annotations

from typing import Any

from txresource.closers.goodbye import DrainPolicy, register_policy

__all__ = (
    "HTTP1Policy",
    "HTTP2Policy",
    "HTTPClientPolicy",
)


class HTTP1Policy(DrainPolicy):
    """A request under way is answered whole; then the connection closes by itself."""

    def busy(self, protocol: Any) -> bool:
        """A request that has been begun and not been answered yet."""
        return bool(protocol.requests) and not _taken_over(protocol)

    def goodbye(self, protocol: Any, transport: Any) -> bool:
        """Serve no further request on this connection."""
        if not self.busy(protocol):
            self.lose(protocol, transport)
        protocol.persistent = False
        return True

    def lose(self, protocol: Any, transport: Any) -> None:
        """By the channel: it is a producer, which TLS waits for before it closes."""
        if protocol.transport is None:
            transport.loseConnection()
        else:
            protocol.loseConnection()


def _taken_over(channel: Any) -> bool:
    # By WebSocket, say: its request is never finished, and none is under way any more. Twisted
    # replaces methods of the channel for it, autobahn takes the transport away.
    return channel.transport is None or "dataReceived" in vars(channel)


class HTTP2Policy(DrainPolicy):
    """The streams under way are finished."""

    def busy(self, protocol: Any) -> bool:
        """A stream that is open."""
        return bool(protocol.streams)

    def lose(self, protocol: Any, transport: Any) -> None:
        """With a GOAWAY; and as a producer no more, which TLS waits for before it closes."""
        if not self.busy(protocol):
            protocol.conn.close_connection()
            transport.write(protocol.conn.data_to_send())
            transport.unregisterProducer()
        transport.loseConnection()


class HTTPClientPolicy(DrainPolicy):
    """A request under way gets its answer, and the one who asked the body of it."""

    def busy(self, protocol: Any) -> bool:
        """A request that has been sent and not been answered whole."""
        return protocol.state not in ("QUIESCENT", "CONNECTION_LOST")


# By name: each of them is imported by whoever uses it, and costs nobody else its import.
register_policy("twisted.web.http.HTTPChannel", HTTP1Policy())
register_policy("twisted.web._http2.H2Connection", HTTP2Policy())
register_policy("twisted.web._newclient.HTTP11ClientProtocol", HTTPClientPolicy())
