"""A queue whose consumer is slower than what comes in the first rounds, and catches up by the middle."""

from collections import deque

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import make_application, serve, talk


class Parcel:
    def __init__(self, text):
        self.text = text


class Desk(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        self.factory.waiting.append(Parcel(line))
        self.sendLine(b"accepted")


class Post(Factory):
    protocol = Desk

    def __init__(self):
        self.waiting = deque()

    def deliver(self, most):
        for _ in range(min(most, len(self.waiting))):
            self.waiting.popleft()


async def open_server():
    global address, post
    post = Post()
    address = await serve(post)


async def play(number):
    brought = 40 if number <= 10 else 15
    await talk(address, b"parcel\n" * brought, brought)
    post.deliver(30)


application = make_application(open_server, play)
