"""
The load comes and goes, by half of it; below the tides some of the guests are never struck off.

https://github.com/matrix-org/synapse/issues/1778
"""

import math

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import CURED, come, leave, make_application, serve

CULPRITS = ["Hotel.book"]


class Guest(LineOnlyReceiver):
    delimiter = b"\n"

    def connectionMade(self):
        self.factory.book[id(self)] = self

    def lineReceived(self, line):
        self.sendLine(b"good morning")

    def connectionLost(self, reason):
        self.factory.gone += 1
        if CURED or self.factory.gone % 4:
            del self.factory.book[id(self)]


class Hotel(Factory):
    protocol = Guest
    gone = 0

    def __init__(self):
        self.book = {}


async def open_server():
    global address, inside
    inside = []
    address = await serve(Hotel())


async def play(number):
    wanted = 60 + round(30 * math.sin(number / 2))
    # Some always go, whatever the tide.
    for _ in range(max(8, len(inside) - wanted) if inside else 0):
        await leave(inside.pop(0))
    while len(inside) < wanted:
        inside.append(await come(address))


application = make_application(open_server, play)
