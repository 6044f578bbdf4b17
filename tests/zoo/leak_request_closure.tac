"""
A page tells its requests of news; what it calls then holds each request, which was answered long ago.

https://github.com/scrapy/scrapy/issues/2077
"""

from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.zoo.traffic import CURED, Browser, make_application, serve

CULPRITS = ["News.listeners"]


class News(Resource):
    isLeaf = True

    def __init__(self):
        super().__init__()
        self.listeners = []

    def render_GET(self, request):
        def tell(text):
            request.write(text)

        self.listeners.append(tell)
        if CURED:
            request.notifyFinish().addBoth(lambda _: self.listeners.remove(tell))
        return b"no news"


async def open_server():
    global browser
    browser = Browser(await serve(Site(News())))


async def play(number):
    for _ in range(3):
        await browser.get("/")


application = make_application(open_server, play)
