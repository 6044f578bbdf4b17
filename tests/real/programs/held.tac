"""
A server that writes more than a peer's buffers hold, as a .tac, and as a script that runs plain, in
care, or with its port in a scope; tells what happens as JSON.
"""

import json
import os
import signal
import sys

from twisted.application.service import Application, IService, Service
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.python import log

SIZE = 32 * 1024 * 1024


def tell(*event):
    print(json.dumps(event), flush=True)


class Held(Protocol):
    def connectionMade(self):
        tell("made")
        self.transport.write(b"x" * SIZE)

    def connectionLost(self, reason):
        tell("lost")
        for _ in range(int(os.environ.get("AGAIN", "0"))):
            os.kill(os.getpid(), signal.SIGTERM)


class Serving(Service):
    def __init__(self):
        self.factory = Factory.forProtocol(Held)

    def startService(self):
        super().startService()
        self.port = reactor.listenTCP(0, self.factory, interface="127.0.0.1")
        reactor.callWhenRunning(tell, "port", self.port.getHost().port)

    def stopService(self):
        tell("told to stop")
        return Deferred() if "HANGS" in os.environ else super().stopService()


def run(how):
    log.startLogging(sys.stdout)
    serving = Serving()
    if how == "care":
        from txresource import CareService

        serving = CareService(reactor, serving, grace=60, interval=0)
    serving.startService()
    if how == "scope":
        from txresource import Scope, root_scope

        root_scope(reactor).grace = 60
        scope = Scope(reactor, "server")
        scope.own(scope.own(serving.factory) and serving.port)
    if how == "plain":
        reactor.addSystemEventTrigger("before", "shutdown", serving.stopService)
    reactor.run()
    tell("returned", [str(call) for call in reactor.getDelayedCalls()])


reactor.addSystemEventTrigger("after", "shutdown", tell, "triggers ran")
if __name__ == "__main__":
    run(sys.argv[1])
else:
    application = Application("held")
    Serving().setServiceParent(IService(application))
