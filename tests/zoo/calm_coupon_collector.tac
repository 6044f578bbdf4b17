"""A cache of what was asked for, of 200 things that there are: by chance, so that the last take long."""

import random

from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.zoo.traffic import Browser, make_application, serve


class Thing:
    def __init__(self, number):
        self.number = number


class Things(Resource):
    isLeaf = True

    def __init__(self):
        super().__init__()
        self.known = {}

    def render_GET(self, request):
        for _ in range(70):
            number = chance.randrange(200)
            if number not in self.known:
                self.known[number] = Thing(number)
        return b"here"


async def open_server():
    global browser, chance
    chance = random.Random(7)
    browser = Browser(await serve(Site(Things())))


async def play(number):
    await browser.get("/thing")


application = make_application(open_server, play)
