"""The latest so many readings, in a deque with a length; it is full before half of the run."""

from collections import deque

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import make_application, serve, talk

EVERY = 0.02


class Reading:
    def __init__(self, value):
        self.value = value


class Sensor(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        self.factory.readings.append(Reading(float(line)))
        self.sendLine(b"%d" % len(self.factory.readings))


class Station(Factory):
    protocol = Sensor

    def __init__(self):
        self.readings = deque(maxlen=200)


async def open_server():
    global address
    address = await serve(Station())


async def play(number):
    await talk(address, b"%d.5\n20.1\n19.7\n" % (number % 30), 3)


application = make_application(open_server, play, EVERY)
