"""
A client looks at the status of its answers alone: each body stays unread, and its connection open.

https://github.com/twisted/twisted/issues/6752
"""

from twisted.web.client import readBody
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.zoo.traffic import CURED, Browser, make_application, serve

CULPRITS = ["Checker.answers"]


class Page(Resource):
    isLeaf = True

    def render_GET(self, request):
        return b"x" * 200_000


class Checker:
    def __init__(self, browser):
        self.browser = browser
        self.answers = []

    async def check(self):
        answer = await self.browser.agent.request(b"GET", self.browser.address.encode())
        if CURED:
            await readBody(answer)
        else:
            self.answers.append(answer)


async def open_server():
    global checker
    checker = Checker(Browser(await serve(Site(Page()))))


async def play(number):
    await checker.check()


application = make_application(open_server, play)
