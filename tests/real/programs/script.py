"""A script with reactor.run() that takes itself into care."""

import sys

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.python import log

from txresource import CareService

log.startLogging(sys.stdout)


class Paused(Protocol):
    def connectionMade(self):
        self.transport.pauseProducing()
        print("made", flush=True)

    def connectionLost(self, reason):
        print("lost", flush=True)


def late():
    port = reactor.listenTCP(0, Factory.forProtocol(Paused), interface="127.0.0.1")
    print(f"port {port.getHost().port}", flush=True)


if "plain" not in sys.argv:
    CareService(reactor, grace=2, interval=0, report="report.json").startService()
reactor.callLater(0, late)
reactor.run()
print("returned", flush=True)
