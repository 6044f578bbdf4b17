"""
Errors are kept for statistics, as failures: each with its traceback, frames and all.

https://github.com/scrapy/scrapy/issues/3813
"""

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from tests.zoo.traffic import CURED, make_application, serve, talk

CULPRITS = ["Statistics.errors"]
EVERY = 0.03


class Statistics:
    def __init__(self):
        self.errors = []
        self.number = 0

    def count(self, failure):
        self.number += 1
        if not CURED:
            self.errors.append(failure)


class Divider(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        try:
            answer = 100 // int(line)
        except ArithmeticError:
            statistics.count(Failure())
            answer = 0
        self.sendLine(b"%d" % answer)


async def open_server():
    global address, statistics
    statistics = Statistics()
    address = await serve(Factory.forProtocol(Divider))


async def play(number):
    await talk(address, b"7\n0\n", 2)


application = make_application(open_server, play, EVERY)
