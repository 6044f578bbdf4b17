"""
Everybody waits for one Deferred that fires at the end of the day; its callbacks are everybody's.

https://github.com/twisted/twisted/issues/2466
"""

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import CURED, make_application, serve, talk

CULPRITS = [
    "Shop.closing",
    "twisted.internet.defer.Deferred._callbacks",
    "twisted.internet.defer.Deferred.callbacks",
]


class Customer(LineOnlyReceiver):
    delimiter = b"\n"

    def connectionMade(self):
        if not CURED:
            self.factory.closing.addCallback(self.say_goodbye)

    def lineReceived(self, line):
        self.sendLine(b"here is " + line)

    def say_goodbye(self, result):
        self.sendLine(b"we close")
        return result


class Shop(Factory):
    protocol = Customer

    def __init__(self):
        self.closing = Deferred()


async def open_server():
    global address
    address = await serve(Shop())


async def play(number):
    for _ in range(3):
        await talk(address, b"bread\n")


application = make_application(open_server, play)
