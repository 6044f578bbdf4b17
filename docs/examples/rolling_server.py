"""A web server on a listening socket that is handed to it; it drains when it gets SIGTERM."""

import os
import socket
import sys

from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from txresource import CareService


def main(descriptor):
    pages = Resource()
    pages.putChild(b"", Data(b"hello\n", "text/plain"))
    CareService(reactor, grace=10.0, linger=2.0, interval=0, what="the server").startService()
    reactor.adoptStreamPort(descriptor, socket.AF_INET, Site(pages))
    os.close(descriptor)  # the port has a copy of its own
    reactor.callWhenRunning(print, "ready", flush=True)
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
