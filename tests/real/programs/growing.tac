"""An application that grows by memory that no Python object holds, or not at all.

What it has of objects turns over, or is bounded: messages that go as others come, and a cache.
"""

import ctypes
import os
from functools import lru_cache

from twisted.application.internet import TimerService
from twisted.application.service import Application

SIZE = 20_000
MOST = 200


class Message:
    def __init__(self, number):
        self.text = f"secret {number}"


class Room:
    def __init__(self):
        self.messages = []
        self.said = 0

    def say(self):
        self.said += 1
        self.messages.append(remember(self.said))
        del self.messages[:-MOST]


@lru_cache(maxsize=500)
def remember(number):
    return Message(number)


def grow():
    ROOM.say()
    if os.environ["GROWS"] == "natively":
        # Written to, for until then the process has not got it.
        ctypes.memset(ALLOCATE(SIZE), 1, SIZE)


ALLOCATE = ctypes.CDLL(None).malloc
ALLOCATE.restype = ctypes.c_void_p
ROOM = Room()

application = Application("growing")
TimerService(0.01, grow).setServiceParent(application)
