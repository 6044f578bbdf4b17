"""Records are gathered and written a batch at a time: a saw-tooth."""

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import make_application, serve, talk

EVERY = 0.02


class Record:
    def __init__(self, text):
        self.text = text


class Intake(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        self.factory.add(Record(line))
        self.sendLine(b"ok")


class Writer(Factory):
    protocol = Intake
    batches = 0

    def __init__(self):
        self.batch = []

    def add(self, record):
        self.batch.append(record)
        if len(self.batch) >= 150 + 50 * (self.batches % 3):
            self.batches += 1
            self.batch = []


async def open_server():
    global address
    address = await serve(Writer())


async def play(number):
    await talk(address, b"a\nb\nc\n", 3)


application = make_application(open_server, play, EVERY)
