"""
A router keeps each call by its number until it is answered; those whose caller has gone stay.

https://github.com/crossbario/crossbar/issues/2096
"""

from itertools import count

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import CURED, make_application, serve, talk

CULPRITS = ["Router.invocations"]
EVERY = 0.02


class Invocation:
    def __init__(self, caller, text):
        self.caller = caller
        self.text = text


class Caller(LineOnlyReceiver):
    delimiter = b"\n"

    def connectionMade(self):
        self.calls = []

    def lineReceived(self, line):
        number = next(self.factory.numbers)
        self.calls.append(number)
        self.factory.invocations[number] = Invocation(self, line)
        self.sendLine(b"%d is accepted" % number)

    def connectionLost(self, reason):
        if CURED:
            for number in self.calls:
                del self.factory.invocations[number]


class Router(Factory):
    protocol = Caller

    def __init__(self):
        self.numbers = count(1)
        self.invocations = {}


async def open_server():
    global address
    address = await serve(Router())


async def play(number):
    await talk(address, b"add 1 2\nadd 3 4\n", 2)


application = make_application(open_server, play, EVERY)
