"""Clients whose server hangs up at once try again and again, for the first seconds; then it answers."""

import time

from twisted.application.internet import ClientService
from twisted.internet.protocol import Factory, Protocol

from tests.zoo.traffic import make_application, reactor, serve

EVERY = 0.1


class Moody(Protocol):
    def connectionMade(self):
        if time.monotonic() < self.factory.well_from:
            self.transport.loseConnection()
        else:
            self.transport.write(b"welcome\n")


class Client(Protocol):
    heard = 0

    def dataReceived(self, data):
        self.heard += len(data)


async def open_server():
    global clients
    factory = Factory.forProtocol(Moody)
    factory.well_from = time.monotonic() + 2.5
    address = await serve(factory)
    maker = Factory.forProtocol(Client)
    clients = [ClientService(address, maker, lambda n: 0.05 + 0.01 * min(n, 20)) for _ in range(20)]
    for client in clients:
        client.startService()
        reactor.addSystemEventTrigger("before", "shutdown", client.stopService)


async def play(number):
    """They are at it by themselves."""


application = make_application(open_server, play, EVERY)
