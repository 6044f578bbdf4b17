"""The same on the clock: the load swings by half of it every two seconds."""

import math
import time

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import come, leave, make_application, serve

EVERY = 0.05


class Visit:
    def __init__(self, guest):
        self.guest = guest


class Guest(LineOnlyReceiver):
    delimiter = b"\n"

    def connectionMade(self):
        self.visit = self.factory.visits[id(self)] = Visit(self)

    def lineReceived(self, line):
        self.sendLine(b"good morning")

    def connectionLost(self, reason):
        del self.factory.visits[id(self)]


class Hotel(Factory):
    protocol = Guest

    def __init__(self):
        self.visits = {}


async def open_server():
    global address, inside
    inside = []
    address = await serve(Hotel())


async def play(number):
    wanted = 40 + round(20 * math.sin(time.monotonic() * math.pi))
    while len(inside) > wanted:
        await leave(inside.pop(0))
    while len(inside) < wanted:
        inside.append(await come(address))


application = make_application(open_server, play, EVERY)
