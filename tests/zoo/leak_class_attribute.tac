"""
A list that was meant to be of each connection stands in the class, and all of them share it.

https://docs.python.org/3/tutorial/classes.html#class-and-instance-variables
"""

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import CURED, make_application, serve, talk

CULPRITS = ["Counter.lines"]


class Word:
    def __init__(self, text):
        self.text = text


class Counter(LineOnlyReceiver):
    delimiter = b"\n"
    lines = []

    def connectionMade(self):
        if CURED:
            self.lines = []

    def lineReceived(self, line):
        self.lines.append(Word(line))
        self.sendLine(b"%d lines" % len(self.lines))


async def open_server():
    global address
    address = await serve(Factory.forProtocol(Counter))


async def play(number):
    await talk(address, b"one\ntwo\nthree\n", 3)


application = make_application(open_server, play)
