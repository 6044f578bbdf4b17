"""Datagram sockets in a scope."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IListeningPort,
    IUDPTransport,
    IUNIXDatagramConnectedTransport,
    IUNIXDatagramTransport,
)
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock
from twisted.internet.udp import Port
from zope.interface import implementer

from tests.unit.scope_case import ScopeCase
from txresource.closers import DatagramCloser, PortCloser
from txresource.registry import find_closer


class SilentPort(Port):
    """Twisted's own port, without a socket."""

    connected = True

    def __init__(self, clock: Clock) -> None:
        self.reactor = clock
        self.protocol = DatagramProtocol()
        self.told = 0

    def _loseConnection(self) -> None:
        self.told += 1
        self.reactor.callLater(0, self.connectionLost)

    def connectionLost(self, reason: Any = None) -> None:
        """As Twisted's, but for the socket."""
        self.connected, self.disconnected = False, True
        self.d.callback(None)
        del self.d


class DatagramTests(ScopeCase):
    """``own(reactor.listenUDP(…))``."""

    last_turns = (0, 1)

    def setUp(self) -> None:
        """Make what is owned."""
        super().setUp()
        self.port: SilentPort = self.scope.own(SilentPort(self.clock))

    def test_stays_for_what_is_newer(self) -> None:
        """The socket of a task that is in flight is there until the task has its answer."""
        answer: Deferred[None] = Deferred()
        self.scope.start(answer)
        closed = self.scope.close()
        self.clock.advance(1)
        self.assertEqual(self.port.told, 0)
        answer.callback(None)
        self.assertEqual(self.port.told, 1)
        self.clock.advance(0)
        self.successResultOf(closed)
        self.assertFalse(self.port.connected)

    def test_at_once_where_nothing_is_in_flight(self) -> None:
        """Without such a task it is closed in the turn in which closing begins."""
        self.scope.close()
        self.assertEqual(self.port.told, 1)

    def test_stops_by_itself(self) -> None:
        """One that somebody stops leaves the tree, and is itself again."""
        self.port.stopListening()
        self.clock.advance(0)
        self.assertEqual(self.scope.tree().children, ())
        self.assertFalse({"connectionLost", "stopListening"} & set(vars(self.port)))

    def test_freed_without_collector(self) -> None:
        """One that was closed is freed with the collector off."""
        self.check_freed("port")

    def test_aborted(self) -> None:
        """Aborting stops it, too."""
        self.scope.abort()
        self.clock.advance(0)
        self.assertFalse(self.port.connected)

    def test_found(self) -> None:
        """It goes for every kind of datagram transport, and for no listening port of streams."""
        for interface in (IUDPTransport, IUNIXDatagramTransport, IUNIXDatagramConnectedTransport):
            self.assertIsInstance(
                find_closer(implementer(interface)(type("T", (), {}))()), DatagramCloser
            )
        self.assertIsInstance(find_closer(self.port), DatagramCloser)
        port = implementer(IListeningPort)(type("T", (), {}))()
        self.assertIs(type(find_closer(port)), PortCloser)
