"""Write every line that comes to a port into a file, until the program is told to stop."""

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver

from txresource import Scope


class Line(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        self.factory.file.write(line + b"\n")


async def main(reactor, path, endpoint="tcp:0:interface=127.0.0.1"):
    async with Scope(reactor, "collector", grace=2.0) as scope:
        # The newest is closed first: the port, then the connections, at last the file.
        file = scope.own(open(path, "ab"))
        factory = scope.own(Factory.forProtocol(Line))
        factory.file = file
        port = scope.own(await serverFromString(reactor, endpoint).listen(factory))
        print("listening on port", port.getHost().port, flush=True)
        await scope.closing()
    print("all closed")


if __name__ == "__main__":
    react(lambda *argv: Deferred.fromCoroutine(main(*argv)), sys.argv[1:])
