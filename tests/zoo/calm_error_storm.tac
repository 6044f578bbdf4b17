"""A back end is down for a while: errors by the dozen, the latest of them kept; then all is well."""

from collections import deque

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import make_application, reactor, serve, talk

log = Logger()


class Down(Exception):
    pass


class Front(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        self.ask(line).addErrback(self.failed)

    @inlineCallbacks
    def ask(self, line):
        answer = Deferred()
        reactor.callLater(0, answer.callback, line)
        yield answer
        if line.startswith(b"down"):
            raise Down(line)
        self.sendLine(b"up")

    def failed(self, failure):
        self.factory.errors.append(failure)
        log.warn("the back end is down: {why}", why=failure.value)
        self.sendLine(b"sorry")


class Fronts(Factory):
    protocol = Front

    def __init__(self):
        self.errors = deque(maxlen=50)


async def open_server():
    global address
    address = await serve(Fronts())


async def play(number):
    said = b"down %d\n" % number if 4 <= number <= 14 else b"hello\n"
    await talk(address, said * 12, 12)


application = make_application(open_server, play)
