"""A cache whose entries expire after a second: at a steady load it holds a second's worth of them."""

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import make_application, reactor, serve, talk

EVERY = 0.02


class Entry:
    def __init__(self, cache, key):
        self.cache = cache
        self.key = key
        reactor.callLater(1.0, self.expire)

    def expire(self):
        del self.cache[self.key]


class Lookup(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        if line not in self.factory.cache:
            self.factory.cache[line] = Entry(self.factory.cache, line)
        self.sendLine(b"found")


class Lookups(Factory):
    protocol = Lookup

    def __init__(self):
        self.cache = {}


async def open_server():
    global address
    address = await serve(Lookups())


async def play(number):
    await talk(address, b"key %d\nother %d\n" % (number, number), 2)


application = make_application(open_server, play, EVERY)
