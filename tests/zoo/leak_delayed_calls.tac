"""
Each message is to be thrown away after an hour; who takes it before forgets about the timer.

https://github.com/Tribler/tribler/issues/847
"""

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import CURED, make_application, reactor, serve, talk

CULPRITS = [
    "reactor's timers[*]",
    "twisted.internet.base.DelayedCall.func",
]
EVERY = 0.02


class Message:
    def __init__(self, text):
        self.text = text
        self.expiry = reactor.callLater(3600, self.expire)

    def take(self):
        if CURED:
            self.expiry.cancel()
        return self.text

    def expire(self):
        self.text = b"too late"


class Box(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        self.sendLine(Message(line).take())


async def open_server():
    global address
    address = await serve(Factory.forProtocol(Box))


async def play(number):
    await talk(address, b"one\ntwo\n", 2)


application = make_application(open_server, play, EVERY)
