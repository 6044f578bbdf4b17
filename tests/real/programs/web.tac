"""A web server, plain and with TLS, of which some answers take their time; tells its ports as JSON."""

import json
import os

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import Application
from twisted.internet import reactor, ssl
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint, UNIXServerEndpoint
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from twisted.web.static import Data


def tell(*event):
    print(json.dumps(event), flush=True)


class Slow(Resource):
    """Begins its answer at once, and ends it when a file is there."""

    isLeaf = True

    def render_GET(self, request):
        request.write(b"begun ")
        tell("slow begun")
        self.look(request)
        return NOT_DONE_YET

    def look(self, request):
        if os.path.exists("go on"):
            request.write(b"ended")
            request.finish()
        else:
            reactor.callLater(0.02, self.look, request)


class Listening(StreamServerEndpointService):
    def __init__(self, name, endpoint, factory):
        super().__init__(endpoint, factory)
        self.factory_name = name

    def startService(self):
        super().startService()
        self._waitingForPort.addCallback(self.listening)

    def listening(self, port):
        number = getattr(port.getHost(), "port", 0)
        reactor.callWhenRunning(tell, "port", self.factory_name, number)
        return port


root = Resource()
root.putChild(b"slow", Slow())
root.putChild(b"fast", Data(b"fast", "text/plain"))

application = Application("web")
site = Site(root, logPath=b"access.log")
with open("server.pem", "rb") as file:
    certificate = ssl.PrivateCertificate.loadPEM(file.read())
for name, endpoint in (
    ("plain", TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")),
    ("tls", SSL4ServerEndpoint(reactor, 0, certificate.options(), interface="127.0.0.1")),
    ("unix", UNIXServerEndpoint(reactor, "web.sock")),
):
    Listening(name, endpoint, site).setServiceParent(application)
