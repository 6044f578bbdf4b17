"""
A client makes a TLS context for each host it asks, and keeps it: little in Python, much outside of it.

https://github.com/matrix-org/synapse/issues/5417
"""

from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.protocol import Factory
from twisted.internet.ssl import optionsForClientTLS
from twisted.protocols.basic import LineOnlyReceiver
from twisted.protocols.tls import TLSMemoryBIOFactory

from tests.real.tls import certificate
from tests.zoo.traffic import CURED, make_application, reactor, serve, talk

CULPRITS = ["Federation.contexts"]


class Echo(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        self.sendLine(line)


class Federation:
    def __init__(self, address):
        self.address = address
        self.contexts = {}

    async def ask(self, number):
        # Each host has a name of its own; here all of them are this one.
        known = 1 if CURED else number
        if known not in self.contexts:
            self.contexts[known] = optionsForClientTLS("localhost", certificate())
        await talk(wrapClientTLS(self.contexts[known], self.address))


async def open_server():
    global federation
    secure = TLSMemoryBIOFactory(certificate().options(), False, Factory.forProtocol(Echo), reactor)
    federation = Federation(await serve(secure))


async def play(number):
    await federation.ask(number)


application = make_application(open_server, play)
