"""Workers, threads and objects, that are made when all are busy: up to ten, and they are kept."""

import time

from twisted.internet.protocol import Factory
from twisted.internet.threads import deferToThread
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import make_application, reactor, serve, talk


class Worker:
    def __init__(self):
        self.buffer = bytearray(10_000)
        self.notes = [str(n) for n in range(50)]

    def work(self, text):
        time.sleep(0.002)
        self.buffer[: len(text)] = text
        return text


class Desk(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        worker = self.factory.free.pop() if self.factory.free else Worker()
        deferToThread(worker.work, line).addCallback(self.done, worker)

    def done(self, text, worker):
        if len(self.factory.free) < 10:
            self.factory.free.append(worker)
        self.sendLine(text)


class Desks(Factory):
    protocol = Desk

    def __init__(self):
        self.free = []


async def open_server():
    global address
    reactor.suggestThreadPoolSize(10)
    address = await serve(Desks())


async def play(number):
    jobs = min(1 + number // 2, 10)
    await talk(address, b"job\n" * jobs, jobs)


application = make_application(open_server, play)
