"""Ask several servers the same, and take the first answer; the others are let go."""

import sys

from twisted.internet.defer import Deferred, FailureGroup, race
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver

from txresource import Scope


class Client(LineOnlyReceiver):
    delimiter = b"\n"

    def __init__(self):
        self.answer = Deferred()

    def lineReceived(self, line):
        if not self.answer.called:
            self.answer.callback(line.decode())

    def connectionLost(self, reason):
        if not self.answer.called:
            self.answer.errback(reason)


async def connect(scope, reactor, server):
    """Open a connection on behalf of whoever has the scope."""
    client = await connectProtocol(clientFromString(reactor, server), Client())
    scope.own(client.transport)
    return client


async def ask(scope, reactor, server, question):
    client = await connect(scope, reactor, server)
    client.sendLine(question.encode())
    return await client.answer


async def first_answer(scope, reactor, servers, question):
    # Whatever is opened for this question ends with it.
    async with scope.child("race", grace=0) as here:
        asked = [here.start(ask, here, reactor, server, question) for server in servers]
        _, answer = await race(asked)
    return answer


async def main(reactor, *servers):
    async with Scope(reactor, "asking") as scope:
        for question in ("the time", "the weather"):
            try:
                print(await first_answer(scope, reactor, servers, question), flush=True)
            except FailureGroup:  # refused, lost, or interrupted by SIGTERM
                sys.exit("nobody answered")


if __name__ == "__main__":
    react(lambda *argv: Deferred.fromCoroutine(main(*argv)), sys.argv[1:])
