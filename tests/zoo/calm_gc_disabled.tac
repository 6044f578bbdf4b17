"""A program that manages its collector: off while it is busy, and once in a while it collects itself."""

import gc

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import make_application, reactor, serve, talk


class Worker(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        self.work(line).addErrback(lambda failure: self.sendLine(b"cannot"))

    @inlineCallbacks
    def work(self, line):
        done = Deferred()
        reactor.callLater(0, done.callback, None)
        yield done
        raise ValueError(line)


async def open_server():
    global address
    gc.disable()
    address = await serve(Factory.forProtocol(Worker))


async def play(number):
    await talk(address, b"hard\n" * 10, 10)
    if number % 17 == 0:
        gc.collect()


application = make_application(open_server, play)
