"""A client with a pool of kept connections, which asks in bursts: the pool grows to its bound, and stays."""

from twisted.internet.defer import ensureDeferred, gatherResults
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.zoo.traffic import Browser, make_application, serve


class Page(Resource):
    isLeaf = True

    def render_GET(self, request):
        return b"page " + request.uri


async def open_server():
    global browser
    browser = Browser(await serve(Site(Page())), persistent=True)
    browser.pool.maxPersistentPerHost = 8


async def play(number):
    asked = [ensureDeferred(browser.get(f"/{n}")) for n in range(min(number, 12))]
    await gatherResults(asked)


application = make_application(open_server, play)
