"""
A log observer that gathers events for a page of the latest ones, which nobody ever cuts.

https://github.com/Tribler/tribler/pull/2062
"""

from twisted.internet.protocol import Factory
from twisted.logger import Logger, globalLogPublisher
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import CURED, make_application, serve, talk

CULPRITS = ["Latest.events"]
EVERY = 0.03


class Latest:
    def __init__(self):
        self.events = []

    def __call__(self, event):
        self.events.append(event)
        if CURED:
            del self.events[:-20]


class Echo(LineOnlyReceiver):
    delimiter = b"\n"
    log = Logger()

    def lineReceived(self, line):
        self.log.debug("heard {line}", line=line)
        self.sendLine(line)


async def open_server():
    global address
    globalLogPublisher.addObserver(Latest())
    address = await serve(Factory.forProtocol(Echo))


async def play(number):
    await talk(address)


application = make_application(open_server, play, EVERY)
