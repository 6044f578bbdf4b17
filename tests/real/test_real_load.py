"""How many connections are at work, as the kernel tells of real ones."""

from __future__ import annotations

import socket

from twisted.internet import reactor, task
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from txresource.leaks.load import connections_at_work
from txresource.tcpinfo import byte_counts, idle_seconds, read_tcp_info


class Echo(Protocol):
    """Says what it hears."""

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


class Talker(Protocol):
    """Says something and waits for the answer."""

    heard: Deferred[bytes] | None = None

    def talk(self) -> Deferred[bytes]:
        self.heard = Deferred()
        self.transport.write(b"hello")
        return self.heard

    def dataReceived(self, data: bytes) -> None:
        heard, self.heard = self.heard, None
        if heard is not None:
            heard.callback(data)


class LoadTests(TestCase):
    """Connections on loopback, both ends of them in this process."""

    timeout = 60

    async def connections(self, number: int) -> list[Talker]:
        """So many talkers, each of them connected."""
        port = reactor.listenTCP(0, Factory.forProtocol(Echo), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
        talkers = []
        for _ in range(number):
            talker = await endpoint.connect(Factory.forProtocol(Talker))
            self.addCleanup(talker.transport.loseConnection)
            await talker.talk()
            talkers.append(talker)
        return talkers

    async def test_at_work(self) -> None:
        """Both ends of each connection that was used lately count, and no idle one."""
        talkers = await self.connections(4)
        self.assertEqual(connections_at_work(reactor, 3600.0), 8)
        counted = None
        for _ in range(30):  # a busy machine may need more than a second for it
            await task.deferLater(reactor, 1.0)
            for talker in talkers[:2]:
                self.assertEqual(await talker.talk(), b"hello")
            counted = connections_at_work(reactor, 0.5)
            if counted == 4:
                break
        self.assertEqual(counted, 4)

    async def test_info(self) -> None:
        """The kernel knows the bytes of a connection, and for how long it was idle."""
        (talker,) = await self.connections(1)
        info = read_tcp_info(talker.transport.getHandle())
        self.assertEqual(byte_counts(info), (5, 5))
        idle = idle_seconds(info)
        assert idle is not None
        self.assertTrue(0 <= idle < 60, idle)

    def test_closed(self) -> None:
        """Of a closed socket nothing is known."""
        closed = socket.socket()
        closed.close()
        self.assertEqual(read_tcp_info(closed), b"")
