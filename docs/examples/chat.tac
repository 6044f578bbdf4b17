"""Protocol, factory and service with the mixins."""

from twisted.application.service import Application, Service
from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver

from txresource import ManagedFactoryMixin, ManagedProtocolMixin, ManagedServiceMixin, weakly


class Chat(ManagedProtocolMixin, LineReceiver):
    delimiter = b"\n"

    def connectionMade(self):
        # Cancelled when the connection goes, and holds the protocol only weakly.
        self.scope.call_later(60.0, weakly(self.too_long))

    def lineReceived(self, line):
        self.sendLine(b"you said " + line)

    def too_long(self):
        self.transport.loseConnection()

    def draining(self):
        # Called once, when closing begins.
        self.sendLine(b"goodbye")


class ChatFactory(ManagedFactoryMixin, Factory):
    protocol = Chat


class ChatService(ManagedServiceMixin, Service):
    def startService(self):
        super().startService()
        self.factory = self.scope.own(ChatFactory())
        reactor.listenTCP(0, self.factory, interface="127.0.0.1")
        self.scope.looping_call(weakly(self.count), 1.0)

    def count(self):
        print(f"{len(self.factory.liveConnections)} connected", flush=True)


application = Application("chat")
ChatService().setServiceParent(application)
