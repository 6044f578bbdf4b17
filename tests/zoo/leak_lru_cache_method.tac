"""
An unbounded lru_cache on a method keeps every object that the method was called of.

https://github.com/PyCQA/flake8/pull/1573
"""

from functools import lru_cache

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import CURED, make_application, serve, talk

CULPRITS = ["Greeter.greeting", "functools._lru_cache_wrapper[*]"]


class Greeter(LineOnlyReceiver):
    delimiter = b"\n"

    @lru_cache(maxsize=30 if CURED else None)
    def greeting(self, name):
        return b"hello " + name

    def lineReceived(self, line):
        self.sendLine(self.greeting(line))


async def open_server():
    global address
    address = await serve(Factory.forProtocol(Greeter))


async def play(number):
    for name in (b"ann", b"bob", b"cy"):
        await talk(address, name + b"\n")


application = make_application(open_server, play)
