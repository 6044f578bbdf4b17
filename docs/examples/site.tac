"""A site of one page, as twistd takes it."""

from twisted.application.service import Application
from twisted.application.strports import service
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

application = Application("site")
pages = Resource()
pages.putChild(b"", Data(b"hello\n", "text/plain"))
service("tcp:0:interface=127.0.0.1", Site(pages)).setServiceParent(application)
