"""How many connections are at work, with a kernel that is made up."""

from __future__ import annotations

import socket
import struct
from typing import Any

from twisted.internet.task import Clock
from twisted.internet.tcp import Connection, Port
from twisted.trial.unittest import SynchronousTestCase

from txresource.leaks.load import SAMPLE, SPAN, LoadMeter, connections_at_work
from txresource.tcpinfo import byte_counts, idle_seconds, read_tcp_info


class Socket:
    """A socket over which data has moved so many seconds ago; ``None``: of another family."""

    def __init__(self, idle: float | None) -> None:
        self.idle = idle
        self.asked = 0

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        self.asked += 1
        if self.idle is None:
            raise OSError(95, "Operation not supported")
        milliseconds = round(1000 * self.idle)
        return struct.pack("44xI4xI", milliseconds + 5, milliseconds)


class Peer(Connection):
    """A connection whose socket is made up."""

    def __init__(self, idle: float | None) -> None:
        self.socket = Socket(idle)

    def __del__(self) -> None:
        """There is nothing to close."""


class Reactor(Clock):
    """A clock with readers."""

    def __init__(self, readers: list[Any]) -> None:
        super().__init__()
        self.readers = readers

    def getReaders(self) -> list[Any]:
        return list(self.readers)


class CountTests(SynchronousTestCase):
    """Which connections count."""

    def count(self, *readers: Any) -> int | None:
        """How many of these were at work in the last ten seconds."""
        return connections_at_work(Reactor(list(readers)), 10.0)

    def test_idle(self) -> None:
        """Those that moved data lately count, those that did not do not."""
        self.assertEqual(self.count(Peer(0.0), Peer(9.9), Peer(10.1), Peer(3600.0)), 2)

    def test_others(self) -> None:
        """What reads and is no connection does not count."""
        self.assertEqual(self.count(Port.__new__(Port), object(), Peer(0.0)), 1)
        self.assertEqual(self.count(), 0)

    def test_cannot_be_asked(self) -> None:
        """A connection that the kernel says nothing of counts as at work."""
        self.assertEqual(self.count(Peer(None), Peer(99.0)), 1)

    def test_lost(self) -> None:
        """A connection that has lost its socket does no harm."""
        lost = Peer(0.0)
        del lost.socket
        self.assertEqual(self.count(lost, Peer(0.0)), 1)

    def test_not_known(self) -> None:
        """A reactor that does not say what it reads has no load."""
        self.assertIsNone(connections_at_work(Clock(), 10.0))

    def test_many(self) -> None:
        """Of many a part is asked, evenly spread, and the number is scaled."""
        peers = [Peer(0.0 if number % 2 else 99.0) for number in range(10_000)]
        found = self.count(*peers)
        assert found is not None
        self.assertTrue(4_500 < found < 5_500, found)
        self.assertEqual(sum(peer.socket.asked for peer in peers), SAMPLE)
        self.assertEqual(self.count(*[Peer(0.0) for _ in range(10_000)]), 10_000)


class MeterTests(SynchronousTestCase):
    """What is lately."""

    def setUp(self) -> None:
        """A connection that was never used after it was made."""
        self.reactor = Reactor([Peer(0.0)])
        self.meter = LoadMeter(self.reactor)

    def measured(self, idle: float, seconds: float = 0.0) -> int | None:
        """What is measured after a time, of a connection that was idle for so long."""
        self.reactor.advance(seconds)
        self.reactor.readers[0].socket.idle = idle
        self.assertEqual(self.meter.measure(), self.meter.last)
        return self.meter.last

    def test_half(self) -> None:
        """Lately is the last half of the time watched."""
        self.assertIsNone(self.meter.last)
        self.assertEqual(self.measured(29.0, seconds=60.0), 1)
        self.assertEqual(self.measured(31.0), 0)

    def test_span(self) -> None:
        """It is never before the last ten snapshots, however long a program runs."""
        for _ in range(100):
            self.measured(0.0, seconds=60.0)
        self.assertEqual(self.measured(60.0 * SPAN - 1, seconds=60.0), 1)
        self.assertEqual(self.measured(60.0 * SPAN + 1, seconds=60.0), 0)

    def test_lost_one_by_one(self) -> None:
        """Connections that are lost at a steady rate are no rising load."""
        self.reactor.readers.clear()
        loads = []
        for _ in range(60):
            self.reactor.advance(60.0)
            for peer in self.reactor.readers:
                peer.socket.idle += 60.0
            self.reactor.readers += [Peer(0.0) for _ in range(3)]
            loads.append(self.meter.measure())
        self.assertEqual(len(set(loads[30:])), 1, loads)

    def test_restart(self) -> None:
        """A new start forgets how long it was watched before."""
        self.measured(0.0, seconds=1000.0)
        self.meter.restart()
        self.assertEqual(self.measured(31.0, seconds=60.0), 0)


class InfoTests(SynchronousTestCase):
    """What the kernel says."""

    def test_unknown(self) -> None:
        """Nothing is known of what is no TCP connection, or closed."""
        for handle in (None, Socket(None), socket.socket(socket.AF_UNIX)):
            info = read_tcp_info(handle)
            self.assertEqual(
                (info, idle_seconds(info), byte_counts(info)), (b"", None, (None,) * 2)
            )

    def test_old_kernel(self) -> None:
        """A kernel that says less knows the times, and no bytes."""
        info = read_tcp_info(Socket(1.5))
        self.assertEqual((idle_seconds(info), byte_counts(info)), (1.5, (None, None)))
