"""
How a connection of twisted.web's HTTP/2 says goodbye.

As RFC 9113 has it, in two steps, so that no request on its way is lost: a GOAWAY with the highest
number that there is, and a PING; when that is answered the peer knows, and what it had sent before
is here: a second GOAWAY names the last stream that is served, and later ones are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from txresource.closers.goodbye import DrainPolicy, register_policy

__all__ = ("HTTP2Policy",)

_PING = b"farewell"
_EVERY_STREAM = 2**31 - 1


class _Farewell:
    """
    What the peer has been told.

    :ivar last: the highest stream that was taken in.
    :ivar final: whether no further one is.
    """

    __slots__ = ("asked", "final", "last", "refused")

    def __init__(self, last: int) -> None:
        self.last = last
        self.asked = self.final = False
        self.refused: set[int] = set()


class _Incoming:
    """
    In the place of h2's buffer of frames: without the GOAWAY of a peer that leaves in peace.

    Such a peer, node's for one, still reads what it has asked for; h2 and Twisted would cut it off.
    """

    def __init__(self, frames: Any, farewell: _Farewell) -> None:
        self.__dict__.update(_frames=frames, _farewell=farewell)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._frames, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._frames, name, value)

    def __iter__(self) -> Iterator[Any]:
        from hyperframe.frame import GoAwayFrame

        for frame in self._frames:
            if isinstance(frame, GoAwayFrame) and frame.error_code == 0:
                self._farewell.final = True
            else:
                yield frame


class HTTP2Policy(DrainPolicy):
    """The streams under way are finished, and those on their way when the peer was told."""

    def busy(self, protocol: Any) -> bool:
        """A stream that is open, or a peer that may not know yet."""
        farewell = _farewell(protocol)
        return bool(protocol.streams) or (
            farewell is not None and farewell.asked and not farewell.final
        )

    def linger(self, protocol: Any, transport: Any) -> None:
        """Ask the peer to open its next streams elsewhere."""
        if _farewell(protocol) is None:
            conn = protocol.conn
            farewell = _Farewell(conn.highest_inbound_stream_id)
            conn.incoming_buffer = _Incoming(conn.incoming_buffer, farewell)
            conn.receive_data = partial(_receive, protocol, farewell)
            protocol.transport.write(_goaway(_EVERY_STREAM))

    def hear(self, protocol: Any, transport: Any) -> bool:
        """Nothing is lost: the goodbye waits for the peer."""
        return False

    def goodbye(self, protocol: Any, transport: Any) -> bool:
        """Find out when the peer knows that it is the end."""
        # Before the GOAWAY, after which some peers answer no PING; it is read with it all the same.
        known = _farewell(protocol)
        protocol.conn.ping(_PING)
        protocol.transport.write(protocol.conn.data_to_send())
        self.linger(protocol, transport)
        farewell = known or _farewell(protocol)
        assert farewell is not None
        farewell.asked = True
        return False

    def lose(self, protocol: Any, transport: Any) -> None:
        """With a last GOAWAY; and as a producer no more, which TLS waits for before it closes."""
        if not protocol.streams:
            farewell = _farewell(protocol)
            protocol.conn.close_connection(last_stream_id=farewell and farewell.last)
            transport.write(protocol.conn.data_to_send())
            transport.unregisterProducer()
        transport.loseConnection()


def _farewell(protocol: Any) -> _Farewell | None:
    hook = vars(protocol.conn).get("receive_data")
    return hook.args[1] if isinstance(hook, partial) else None


def _goaway(last: int) -> bytes:
    # By hand: h2 ends all streams with its own.
    from hyperframe.frame import GoAwayFrame

    return GoAwayFrame(0, last_stream_id=last).serialize()


def _receive(protocol: Any, farewell: _Farewell, data: bytes) -> list[Any]:
    """In the place of h2's ``receive_data``: hide what belongs to a stream that is refused."""
    conn = protocol.conn
    return [
        event
        for event in type(conn).receive_data(conn, data)
        if _admits(protocol, conn, farewell, event)
    ]


def _admits(protocol: Any, conn: Any, farewell: _Farewell, event: Any) -> bool:
    from h2.errors import ErrorCodes
    from h2.events import DataReceived, PingAckReceived, RequestReceived

    if isinstance(event, PingAckReceived) and event.ping_data == _PING and not farewell.final:
        farewell.final = True
        protocol.transport.write(_goaway(farewell.last))
    elif isinstance(event, RequestReceived):
        if farewell.final:
            farewell.refused.add(event.stream_id)
            conn.reset_stream(event.stream_id, ErrorCodes.REFUSED_STREAM)
        else:
            farewell.last = max(farewell.last, event.stream_id)
    elif isinstance(event, DataReceived) and event.stream_id in farewell.refused:
        conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
    return getattr(event, "stream_id", None) not in farewell.refused


register_policy("twisted.web._http2.H2Connection", HTTP2Policy())
