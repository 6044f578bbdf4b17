"""Two caches that keep the latest so many, and fill in the first half: one by functools, one by hand."""

from collections import OrderedDict
from functools import lru_cache

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import make_application, serve, talk


class Name:
    def __init__(self, text):
        self.text = text


@lru_cache(maxsize=150)
def parse(text):
    return Name(text)


class Names(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        name = parse(line)
        self.factory.latest[line] = name
        self.factory.latest.move_to_end(line)
        if len(self.factory.latest) > 120:
            self.factory.latest.popitem(last=False)
        self.sendLine(b"known")


class Directory(Factory):
    protocol = Names

    def __init__(self):
        self.latest = OrderedDict()


async def open_server():
    global address
    address = await serve(Directory())


async def play(number):
    await talk(address, b"".join(b"%d of %d\n" % (n, number) for n in range(10)), 10)


application = make_application(open_server, play)
