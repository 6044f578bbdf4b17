"""
An audit trail in which each record holds the one before it, as errors do by their context.

https://github.com/scrapy/scrapy/issues/4489
"""

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import CURED, make_application, serve, talk

CULPRITS = ["Trail.last", "Record.before"]


class Record:
    def __init__(self, text, before):
        self.text = text
        self.before = before


class Trail:
    def __init__(self):
        self.last = None

    def add(self, text):
        self.last = Record(text, None if CURED else self.last)


class Bank(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        trail.add(line)
        self.sendLine(b"booked")


async def open_server():
    global address, trail
    trail = Trail()
    address = await serve(Factory.forProtocol(Bank))


async def play(number):
    await talk(address, b"give\ntake\ngive\ntake\n", 4)


application = make_application(open_server, play)
