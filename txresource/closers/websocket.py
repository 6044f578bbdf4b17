"""How the WebSockets of Autobahn say goodbye."""

from __future__ import annotations

from typing import Any

from txresource.closers.goodbye import DrainPolicy, register_policy

__all__ = ("WebSocketPolicy",)

#: What RFC 6455 has for an endpoint that is "going away", such as a server that goes down.
_GOING_AWAY = 1001
#: Seconds, at least, that the peer has to answer, where Autobahn bounds them. Its timers count whole
#: seconds of the clock, the one that runs included: its own second may be over at once.
_ANSWER = 2


class WebSocketPolicy(DrainPolicy):
    """An open WebSocket is closed by its handshake, code 1001; Autobahn then ends the connection."""

    def goodbye(self, protocol: Any, transport: Any) -> bool:
        """Send the close frame, and let the peer answer it."""
        if protocol.state == protocol.STATE_OPEN:
            if protocol.closeHandshakeTimeout:
                protocol.closeHandshakeTimeout = max(protocol.closeHandshakeTimeout, _ANSWER)
            # Not sendClose(), which leaves the codes below 3000 to the library itself.
            protocol.sendCloseFrame(_GOING_AWAY, b"going away")
        elif protocol.state != protocol.STATE_CLOSING:
            self.lose(protocol, transport)
        return True


register_policy("autobahn.twisted.websocket.WebSocketAdapterProtocol", WebSocketPolicy())
