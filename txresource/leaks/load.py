"""The load of a program: how many open connections are at work."""

from __future__ import annotations

from collections import deque
from typing import Any

from twisted.internet.tcp import Connection

from txresource.heap.unseen import Unseen
from txresource.tcpinfo import KNOWN, idle_seconds, read_tcp_info

__all__ = ("LoadMeter", "SAMPLE", "SPAN", "connections_at_work")

#: So many of a reactor's readers are asked. A prime: a proxy opens its connections in pairs, and
#: of a number that is a multiple of two every second one would be of one side.
SAMPLE = 199
#: A connection that was silent over this many snapshots is idle.
SPAN = 10


def connections_at_work(reactor: Any, horizon: float) -> int | None:
    """
    How many open connections have moved data lately; a millisecond at most.

    The kernel is asked about a part of them, evenly spread, and the answer is scaled. What it
    cannot be asked about, such as a UNIX socket, counts as at work.

    :param reactor: its readers are looked at.
    :param horizon: seconds; who moved data within them is at work.
    :returns: ``None`` where it cannot be known: no Linux, or no such reactor.
    """
    get_readers = getattr(reactor, "getReaders", None)
    if not KNOWN or get_readers is None:
        return None
    readers = get_readers()
    count = len(readers)
    asked = min(count, SAMPLE)
    busy = sum(_is_at_work(readers[n * count // asked], horizon) for n in range(asked))
    return round(busy * count / asked) if asked else 0


def _is_at_work(reader: Any, horizon: float) -> bool:
    # By its type: isinstance() would ask the object itself as well.
    if not issubclass(type(reader), Connection):
        return False
    handle = getattr(reader, "socket", None)  # Twisted drops it when it closes it
    idle = idle_seconds(read_tcp_info(handle))
    return handle is not None and (idle is None or idle <= horizon)


class LoadMeter(Unseen):
    """
    Tells, at each snapshot, how many connections are at work.

    What grows with the load is no leak: a thousand clients more are a thousand sessions more.
    But connections alone are no load: one that nobody ends, and over which nothing moves any
    more, is a leak itself, and would excuse all that hangs on it. So only those count that moved
    data since the middle of the time watched. And not before the last ten snapshots: in an ever
    longer half, connections that are lost one by one would count as an ever higher load.

    :param reactor: the reactor whose connections are counted.
    :ivar last: what was measured last.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.last: int | None = None
        self.restart()

    def restart(self) -> None:
        """Begin to watch, now."""
        self._began = self._reactor.seconds()
        self._times: deque[float] = deque([self._began], maxlen=SPAN)

    def measure(self) -> int | None:
        """How many connections are at work; ``None`` where it cannot be known."""
        now = self._reactor.seconds()
        horizon = min((now - self._began) / 2, now - self._times[0])
        self._times.append(now)
        self.last = connections_at_work(self._reactor, horizon)
        return self.last
