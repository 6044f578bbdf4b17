"""A program with reactor.run() of its own, in care."""

import sys

from twisted.internet import reactor
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from txresource import CareService

globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)])

pages = Resource()
pages.putChild(b"", Data(b"hello\n", "text/plain"))

CareService(reactor, grace=5.0, interval=30.0, what="my script").startService()
reactor.listenTCP(0, Site(pages), interface="127.0.0.1")
reactor.run()
