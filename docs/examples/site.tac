"""A site of one page, as twistd takes it."""

from twisted.application.service import Application
from twisted.application.strports import service
from twisted.web.server import Site
from twisted.web.static import Data

application = Application("site")
site = Site(Data(b"hello\n", "text/plain"))
service("tcp:0:interface=127.0.0.1", site).setServiceParent(application)
