"""
Each connection has a loop that keeps it alive; nobody stops it when the connection ends.

https://github.com/evennia/evennia/pull/3225
"""

from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import CURED, make_application, serve, talk

CULPRITS = [
    "reactor's timers[*]",
    "twisted.internet.base.DelayedCall.func",
    "twisted.internet.task.LoopingCall.f",
]


class Player(LineOnlyReceiver):
    delimiter = b"\n"

    def connectionMade(self):
        self.keepalive = LoopingCall(self.say_nothing)
        self.keepalive.start(60, now=False)

    def say_nothing(self):
        self.transport.write(b"\0")

    def lineReceived(self, line):
        self.sendLine(b"you are in a dark room")

    def connectionLost(self, reason):
        if CURED:
            self.keepalive.stop()


async def open_server():
    global address
    address = await serve(Factory.forProtocol(Player))


async def play(number):
    for _ in range(2):
        await talk(address, b"look\n")


application = make_application(open_server, play)
