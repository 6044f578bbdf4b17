"""
A library keeps for each thread what that has asked for; a reactor has one, which never ends.

https://github.com/cherrypy/cherrypy/issues/496
"""

import threading

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import CURED, make_application, serve, talk

CULPRITS = ["_thread._local.asked", "dict.asked"]
EVERY = 0.03


class Question:
    def __init__(self, text):
        self.text = text


class Oracle(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        if CURED or not hasattr(local, "asked"):
            local.asked = []
        local.asked.append(Question(line))
        self.sendLine(b"42")


async def open_server():
    global address, local
    local = threading.local()
    address = await serve(Factory.forProtocol(Oracle))


async def play(number):
    await talk(address, b"why\nhow\n", 2)


application = make_application(open_server, play, EVERY)
