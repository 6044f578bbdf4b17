"""Requests that end as cyclic garbage, in a program whose collector looks at the old ones but rarely."""

import gc

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import make_application, serve, talk


class Order:
    def __init__(self, shop):
        self.shop = shop
        self.shop.order = self


class Shop(LineOnlyReceiver):
    delimiter = b"\n"
    order = None

    def lineReceived(self, line):
        self.parts = [Order(self) for _ in range(20)]
        self.sendLine(b"ordered")


async def open_server():
    global address
    gc.set_threshold(5_000, 20, 20)
    address = await serve(Factory.forProtocol(Shop))


async def play(number):
    for _ in range(4):
        await talk(address)


application = make_application(open_server, play)
