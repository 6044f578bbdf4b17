"""A TLS server, whose every client makes a handshake of its own with the one context that there is."""

from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.protocol import Factory
from twisted.internet.ssl import optionsForClientTLS
from twisted.protocols.basic import LineOnlyReceiver
from twisted.protocols.tls import TLSMemoryBIOFactory

from tests.real.tls import certificate
from tests.zoo.traffic import make_application, reactor, serve, talk

EVERY = 0.05


class Echo(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        self.sendLine(line)


async def open_server():
    global address
    secure = TLSMemoryBIOFactory(certificate().options(), False, Factory.forProtocol(Echo), reactor)
    options = optionsForClientTLS("localhost", certificate())
    address = wrapClientTLS(options, await serve(secure))


async def play(number):
    await talk(address)


application = make_application(open_server, play, EVERY)
