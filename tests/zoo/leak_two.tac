"""
Two leaks at once: sessions that never end, and a journal beside them that is never written out.

https://github.com/crossbario/crossbar/issues/1202
"""

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import CURED, make_application, serve, talk

CULPRITS = ["Broker.sessions", "Broker.journal"]
BOTH = True
EVERY = 0.03


class Session:
    def __init__(self, user):
        self.user = user


class Entry:
    def __init__(self, text):
        self.text = text


class Worker(LineOnlyReceiver):
    delimiter = b"\n"

    def connectionMade(self):
        self.factory.sessions[id(self)] = Session(self)

    def lineReceived(self, line):
        self.factory.journal.append(Entry(line))
        self.sendLine(b"noted")
        if CURED:
            self.factory.journal.clear()

    def connectionLost(self, reason):
        if CURED:
            del self.factory.sessions[id(self)]


class Broker(Factory):
    protocol = Worker

    def __init__(self):
        self.sessions = {}
        self.journal = []


async def open_server():
    global address
    address = await serve(Broker())


async def play(number):
    await talk(address, b"a\nb\nc\n", 3)


application = make_application(open_server, play, EVERY)
