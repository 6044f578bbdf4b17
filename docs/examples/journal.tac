"""A service that owns what it opened, and an async function as a service."""

from twisted.application.service import Application, Service
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.protocols.wire import Echo

from txresource import ManagedServiceMixin, Scope, weakly


class Journal(ManagedServiceMixin, Service):
    def startService(self):
        super().startService()
        self.file = open("journal", "a", buffering=1)
        self.scope.own(self.file)
        self.scope.looping_call(weakly(self.note), 0.5, "running")

    def note(self, text):
        self.file.write(text + "\n")

    def stopService(self):
        self.note("stopped")
        return super().stopService()


async def serve(scope):
    endpoint = serverFromString(reactor, "tcp:0:interface=127.0.0.1")
    scope.own(await endpoint.listen(scope.own(Factory.forProtocol(Echo))))


application = Application("journal")
Journal().setServiceParent(application)

scope = Scope(reactor, "echo", grace=2.0)
scope.as_service().setServiceParent(application)
reactor.callWhenRunning(scope.start, serve, scope)
