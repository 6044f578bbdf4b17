"""
A local service keeps its peers in a set, to end them one day, also those that time out in between.

https://github.com/twisted/twisted/issues/5487
"""

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver
from twisted.protocols.policies import TimeoutMixin

from tests.zoo.traffic import CURED, make_application, serve, talk

CULPRITS = ["Locals.peers"]


class Peer(LineOnlyReceiver, TimeoutMixin):
    delimiter = b"\n"

    def connectionMade(self):
        self.setTimeout(60)
        self.factory.peers.add(self)

    def lineReceived(self, line):
        self.resetTimeout()
        self.sendLine(line[::-1])

    def connectionLost(self, reason):
        self.setTimeout(None)
        if CURED:
            self.factory.peers.discard(self)


class Locals(Factory):
    protocol = Peer

    def __init__(self):
        self.peers = set()


async def open_server():
    global address
    address = await serve(Locals(), "unix:zoo.sock")


async def play(number):
    for _ in range(2):
        await talk(address)


application = make_application(open_server, play)
