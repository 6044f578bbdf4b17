"""How the connections of twisted.web's servers and clients say goodbye."""

from __future__ import annotations

from typing import Any

from txresource.closers.goodbye import DrainPolicy, register_policy

__all__ = (
    "HTTP1Policy",
    "HTTPClientPolicy",
)


class HTTP1Policy(DrainPolicy):
    """A request under way is answered whole; then the connection closes by itself."""

    def busy(self, protocol: Any) -> bool:
        """A request that has been begun and not been answered yet."""
        return bool(protocol.requests) and not _taken_over(protocol)

    def expects(self, protocol: Any) -> bool:
        """One that has not asked for anything yet."""
        # The time-out is saved when the first request has come; it says so, where there is one.
        return protocol.timeOut is not None and protocol._savedTimeOut is None

    def linger(self, protocol: Any, transport: Any) -> None:
        """Close after the next answer, or the one that is under way, which says so in a header."""
        if protocol.requests and _taken_over(protocol):
            return  # without one it may be not connected yet
        protocol.checkPersistence = _is_last
        for request in protocol.requests[:1]:
            if not request.startedWriting:
                request.responseHeaders.setRawHeaders(b"connection", [b"close"])
            protocol.persistent = False

    def hear(self, protocol: Any, transport: Any) -> bool:
        """The next request is the last."""
        if self.busy(protocol) or _taken_over(protocol):
            return False
        self.linger(protocol, transport)
        return True

    def goodbye(self, protocol: Any, transport: Any) -> bool:
        """Serve no further request on this connection."""
        if self.busy(protocol):
            self.linger(protocol, transport)
        else:
            self.lose(protocol, transport)
            protocol.persistent = False
        return True

    def lose(self, protocol: Any, transport: Any) -> None:
        """By the channel: it is a producer, which TLS waits for before it closes."""
        if protocol.transport is None:
            transport.loseConnection()
        else:
            protocol.loseConnection()


def _is_last(request: Any, version: bytes) -> bool:
    request.responseHeaders.setRawHeaders(b"connection", [b"close"])
    return False


def _taken_over(channel: Any) -> bool:
    # By WebSocket, say: its request is never finished, and none is under way any more. Twisted
    # replaces methods of the channel for it, autobahn takes the transport away.
    return channel.transport is None or "dataReceived" in vars(channel)


class HTTPClientPolicy(DrainPolicy):
    """A request under way gets its answer, and the one who asked the body of it."""

    def busy(self, protocol: Any) -> bool:
        """A request that has been sent and not been answered whole."""
        return protocol.state not in ("QUIESCENT", "CONNECTION_LOST")


# By name: each of them is imported by whoever uses it, and costs nobody else its import.
register_policy("twisted.web.http.HTTPChannel", HTTP1Policy())
register_policy("twisted.web._newclient.HTTP11ClientProtocol", HTTPClientPolicy())
