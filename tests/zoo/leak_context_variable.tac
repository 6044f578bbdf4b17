"""
A context variable is set for each request, and a task that never ends has made a copy of its context.

https://github.com/redis/redis-py/issues/3306
"""

from contextvars import ContextVar, copy_context

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import CURED, make_application, serve, talk

CULPRITS = ["Connections.contexts"]

peer = ContextVar("peer")


class Connections:
    """A pool whose connections run in the context of who asked first, for ever."""

    def __init__(self):
        self.contexts = []

    def take(self):
        if not CURED:
            self.contexts.append(copy_context())


class Shop(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        copy_context().run(self.sell, line)

    def sell(self, line):
        peer.set(self)
        connections.take()
        peer.get().sendLine(b"here is " + line)


async def open_server():
    global address, connections
    connections = Connections()
    address = await serve(Factory.forProtocol(Shop))


async def play(number):
    for _ in range(2):
        await talk(address, b"cheese\n")


application = make_application(open_server, play)
