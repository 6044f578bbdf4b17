"""
Polling by a callback that returns the Deferred of the next turn: a chain that only grows.

https://github.com/twisted/twisted/issues/2564
"""

from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall, deferLater
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import CURED, make_application, reactor, serve, talk

CULPRITS = [
    "Poll.waiting",
    "twisted.internet.defer.Deferred._callbacks",
    "twisted.internet.defer.Deferred._chainedTo",
    "twisted.internet.defer.Deferred.callbacks",
]
EVERY = 0.05


class Poll:
    waiting = None

    def look(self):
        self.waiting = deferLater(reactor, 0.01, int)
        return self.waiting

    def look_for_ever(self, _=None):
        return self.look().addCallback(self.look_for_ever)


class Echo(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        self.sendLine(line)


async def open_server():
    global address, poll, loop
    address = await serve(Factory.forProtocol(Echo))
    poll = Poll()
    if CURED:
        loop = LoopingCall(poll.look)
        loop.start(0.01)
    else:
        poll.look_for_ever()


async def play(number):
    await talk(address)


application = make_application(open_server, play, EVERY)
