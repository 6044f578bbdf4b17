"""Clients come and go in tides, some shorter and one longer than the run, which ends below its height."""

import math

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import come, leave, make_application, serve


class Guest(LineOnlyReceiver):
    delimiter = b"\n"

    def connectionMade(self):
        self.factory.inside.add(self)

    def lineReceived(self, line):
        self.sendLine(b"good morning")

    def connectionLost(self, reason):
        self.factory.inside.remove(self)


class Hotel(Factory):
    protocol = Guest

    def __init__(self):
        self.inside = set()


async def open_server():
    global address, inside
    inside = []
    address = await serve(Hotel())


async def play(number):
    wanted = 60 + round(40 * math.sin(number / 10) + 15 * math.sin(number / 1.5))
    while len(inside) > wanted:
        await leave(inside.pop(0))
    while len(inside) < wanted:
        inside.append(await come(address))


application = make_application(open_server, play)
