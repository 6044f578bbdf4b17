"""A scope as a block: when it ends, all that it owns has ended."""

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater, react
from twisted.protocols.wire import Echo

from txresource import Scope


async def main(reactor):
    async with Scope(reactor, "job", grace=2.0) as scope:
        scope.own(reactor.listenTCP(0, Factory.forProtocol(Echo), interface="127.0.0.1"))
        scope.looping_call(print, 0.5, "working")
        scope.start(deferLater(reactor, 0.1, print, "finished within the grace"), name="work")
        print(scope.tree())
        await deferLater(reactor, 0.05)
    print("all closed")


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
