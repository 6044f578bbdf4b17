"""
A cache fills to its bound, as it should; behind it a short list of users grows without one.

https://github.com/matrix-org/synapse/issues/12160
"""

from collections import OrderedDict

from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.zoo.traffic import CURED, Browser, make_application, serve

CULPRITS = ["Profiles.visits"]


class Profile:
    def __init__(self, number):
        self.name = f"user {number}"


class Visit:
    def __init__(self, profile):
        self.profile = profile.name


class Profiles(Resource):
    isLeaf = True

    def __init__(self):
        super().__init__()
        self.known = OrderedDict()
        self.visits = []

    def render_GET(self, request):
        first = int(request.uri.rpartition(b"/")[2]) * 100
        for number in range(first, first + 100):
            profile = self.known[number] = Profile(number)
            if len(self.known) > 1500:
                self.known.popitem(last=False)
        if not CURED:
            self.visits.append(Visit(profile))
        return b"found"


async def open_server():
    global browser
    browser = Browser(await serve(Site(Profiles())))


async def play(number):
    await browser.get(f"/{number}")


application = make_application(open_server, play)
