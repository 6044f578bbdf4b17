"""
A loop that never ends remembers in a local variable whatever it has done.

https://github.com/twisted/twisted/issues/6635
"""

from twisted.internet.defer import DeferredQueue, inlineCallbacks
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import CURED, make_application, serve, talk

CULPRITS = ["generator ?.work_off.local variable 'done'"]


class Job:
    def __init__(self, owner, text):
        self.owner = owner
        self.text = text


class Orders(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        jobs.put(Job(self, line))


@inlineCallbacks
def work_off(queue):
    done = []
    while True:
        job = yield queue.get()
        job.owner.sendLine(b"done: " + job.text)
        if not CURED:
            done.append(job.text.decode())


async def open_server():
    global address, jobs
    jobs = DeferredQueue()
    work_off(jobs)
    address = await serve(Factory.forProtocol(Orders))


async def play(number):
    await talk(address, b"".join(b"order %d of %d\n" % (n, number) for n in range(5)), 5)


application = make_application(open_server, play)
