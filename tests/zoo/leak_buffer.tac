"""
A peer opens a message and never ends it: the buffer of the one long connection swells.

https://github.com/twisted/twisted/issues/12706
"""

from twisted.internet.protocol import Factory, Protocol

from tests.zoo.traffic import CURED, come, make_application, serve

CULPRITS = ["Messages.buffer"]
EVERY = 0.02
MOST = 4096


class Messages(Protocol):
    def connectionMade(self):
        self.buffer = bytearray()

    def dataReceived(self, data):
        self.buffer += data
        if CURED and len(self.buffer) > MOST:
            self.buffer.clear()
        while b"\n" in self.buffer:
            line, _, rest = self.buffer.partition(b"\n")
            self.buffer = bytearray(rest)
            self.transport.write(bytes(line) + b"\n")


async def open_server():
    global peer
    address = await serve(Factory.forProtocol(Messages))
    peer = await come(address)


async def play(number):
    peer.transport.write(b"x" * 300)


application = make_application(open_server, play, EVERY)
