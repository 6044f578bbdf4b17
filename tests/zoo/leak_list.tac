"""
A chat room whose factory keeps every protocol in a list, and forgets nobody who hangs up.

https://github.com/cowrie/cowrie/issues/57
"""

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import CURED, make_application, serve, talk

CULPRITS = ["Room.members"]


class Member(LineOnlyReceiver):
    delimiter = b"\n"

    def connectionMade(self):
        self.factory.members.append(self)

    def lineReceived(self, line):
        self.sendLine(b"you said " + line)

    def connectionLost(self, reason):
        if CURED:
            self.factory.members.remove(self)


class Room(Factory):
    protocol = Member

    def __init__(self):
        self.members = []


async def open_server():
    global address
    address = await serve(Room())


async def play(number):
    for _ in range(3):
        await talk(address)


application = make_application(open_server, play)
