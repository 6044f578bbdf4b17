"""A web server and a plain one whose peers do everything to stay; tells what happens as JSON."""

import json
import os
import threading

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import Application, Service
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from twisted.web.static import Data, File
from zope.interface import implementer


def tell(*event):
    print(json.dumps(event), flush=True)


def sockets():
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except FileNotFoundError:
            pass  # the descriptor of the listing itself
    return count


def left():
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        children = file.read().split()
    tell("left", sockets() - sockets_before, threading.active_count() - 1, len(children))


class Slow(Resource):
    isLeaf = True

    def render_GET(self, request):
        tell("slow begun")
        reactor.callLater(float(os.environ.get("SLOW", "2")), self.answer, request)
        return NOT_DONE_YET

    def answer(self, request):
        request.write(b"all of it")
        request.finish()


class CountedSite(Site):
    def buildProtocol(self, address):
        protocol = super().buildProtocol(address)
        channel = protocol._channel
        lost = channel.connectionLost

        def connection_lost(reason):
            lost(reason)
            tell("lost", "web", address.port)

        channel.connectionLost = connection_lost
        tell("made", "web", address.port)
        return protocol


@implementer(IHalfCloseableProtocol)
class Plain(Protocol):
    def connectionMade(self):
        self.port = self.transport.getPeer().port
        tell("made", "plain", self.port)

    def dataReceived(self, data):
        self.transport.pauseProducing()
        tell("paused", self.port)

    def readConnectionLost(self):
        tell("half closed", self.port)

    def writeConnectionLost(self):
        pass

    def connectionLost(self, reason):
        tell("lost", "plain", self.port)


class Hanging(Service):
    def stopService(self):
        tell("told to stop")
        return Deferred()


class Listening(StreamServerEndpointService):
    def __init__(self, factory, name):
        super().__init__(TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1"), factory)
        self.factory_name = name

    def startService(self):
        super().startService()
        self._waitingForPort.addCallback(self.listening)

    def listening(self, port):
        tell("port", self.factory_name, port.getHost().port)
        return port


root = Resource()
root.putChild(b"slow", Slow())
root.putChild(b"fast", Data(b"fast", "text/plain"))
root.putChild(b"big", File("big"))

sockets_before = sockets()
reactor.addSystemEventTrigger("after", "shutdown", left)

application = Application("stuck")
if "WITHOUT_HANGING" not in os.environ:
    Hanging().setServiceParent(application)
Listening(CountedSite(root), "web").setServiceParent(application)
Listening(Factory.forProtocol(Plain), "plain").setServiceParent(application)
