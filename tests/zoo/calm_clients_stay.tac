"""A thousand clients arrive, in the first half of the run, and stay."""

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import come, make_application, serve, talk


class Account:
    def __init__(self, name):
        self.name = name


class Client(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        self.account = Account(line)
        self.factory.online[id(self)] = self
        self.sendLine(b"welcome")

    def connectionLost(self, reason):
        self.factory.online.pop(id(self), None)


class Lobby(Factory):
    protocol = Client

    def __init__(self):
        self.online = {}


async def open_server():
    global address, inside
    inside = []
    address = await serve(Lobby())


async def play(number):
    for _ in range(56 if len(inside) < 1000 else 0):
        inside.append(await come(address, b"client %d\n" % len(inside)))
    await talk(address)


application = make_application(open_server, play)
