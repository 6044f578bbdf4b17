"""
One transfer in seven breaks off and is kept for somebody to look at: one object in seven snapshots.

https://github.com/meejah/txtorcon/issues/192
"""

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import CURED, make_application, serve, talk

CULPRITS = ["Depot.broken"]


class Transfer(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        if int(line) % 7 == 0 and not CURED:
            self.factory.broken.append(self)
        self.sendLine(b"received")


class Depot(Factory):
    protocol = Transfer

    def __init__(self):
        self.broken = []


async def open_server():
    global address
    address = await serve(Depot())


async def play(number):
    await talk(address, b"%d\n" % number)


application = make_application(open_server, play)
