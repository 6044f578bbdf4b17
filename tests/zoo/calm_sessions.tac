"""A site that opens a session for everybody; each of them expires a second after it was last used."""

from twisted.web.resource import Resource
from twisted.web.server import Session, Site

from tests.zoo.traffic import Browser, make_application, serve

EVERY = 0.03


class Short(Session):
    sessionTimeout = 1.0


class Page(Resource):
    isLeaf = True

    def render_GET(self, request):
        session = request.getSession()
        session.seen = getattr(session, "seen", 0) + 1
        return b"seen %d times" % session.seen


async def open_server():
    global browser
    site = Site(Page())
    site.sessionFactory = Short
    browser = Browser(await serve(site))


async def play(number):
    await browser.get("/")


application = make_application(open_server, play, EVERY)
