"""The latest log events are kept for a page, by Twisted's own ring of them."""

from twisted.internet.protocol import Factory
from twisted.logger import LimitedHistoryLogObserver, Logger, globalLogPublisher
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import make_application, serve, talk

EVERY = 0.03


class Echo(LineOnlyReceiver):
    delimiter = b"\n"
    log = Logger()

    def lineReceived(self, line):
        self.log.debug("heard {line}", line=line)
        self.sendLine(line)


async def open_server():
    global address
    globalLogPublisher.addObserver(LimitedHistoryLogObserver(100))
    address = await serve(Factory.forProtocol(Echo))


async def play(number):
    await talk(address)


application = make_application(open_server, play, EVERY)
