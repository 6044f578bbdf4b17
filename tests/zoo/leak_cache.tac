"""
A site keeps each page that it has made by its address, and there are more addresses than memory.

https://github.com/blockchain-etl/tezos-etl/pull/1
"""

from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.zoo.traffic import CURED, Browser, make_application, serve

CULPRITS = ["Pages.made"]
EVERY = 0.02


class Pages(Resource):
    isLeaf = True

    def __init__(self):
        super().__init__()
        self.made = {}

    def render_GET(self, request):
        if CURED and len(self.made) >= 20:
            self.made.clear()
        if request.uri not in self.made:
            self.made[request.uri] = b"<p>this is " + request.uri
        return self.made[request.uri]


async def open_server():
    global browser
    browser = Browser(await serve(Site(Pages())), persistent=True)


async def play(number):
    await browser.get(f"/item/{number}")


application = make_application(open_server, play, EVERY)
