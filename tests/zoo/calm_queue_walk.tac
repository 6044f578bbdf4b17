"""A queue at a load that its consumer can just bear: its length is a random walk between nothing and 100."""

import random

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import make_application, serve, talk


class Job:
    def __init__(self, text):
        self.text = text


class Intake(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        if len(self.factory.jobs) < 100:
            self.factory.jobs.append(Job(line))
        self.sendLine(b"ok")


class Works(Factory):
    protocol = Intake

    def __init__(self):
        self.jobs = [Job(b"early") for _ in range(40)]


async def open_server():
    global address, works, chance
    chance = random.Random(11)
    works = Works()
    address = await serve(works)


async def play(number):
    brought = chance.randrange(1, 21)
    await talk(address, b"job\n" * brought, brought)
    del works.jobs[: chance.randrange(1, 21)]


application = make_application(open_server, play)
