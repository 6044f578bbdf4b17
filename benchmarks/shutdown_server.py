"""The server of ``shutdown.py``: run with one of its ways to end, it waits for SIGTERM."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IPullProducer, IPushProducer
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))

from tests.real.tls import certificate
from txresource import ManagedFactoryMixin, ManagedProtocolMixin, Scope, root_scope

GRACE = 3.0
#: What an answer takes, so that it is under way when the signal comes.
THINKING = 1.5
ANSWER = b"a" * 200_000
UNREAD = b"x" * 1_000_000

reactor: Any = installed


@implementer(IPushProducer, IPullProducer)
class Stubborn:
    """A producer that is never done."""

    def resumeProducing(self) -> None:
        pass

    pauseProducing = stopProducing = resumeProducing


@implementer(IHalfCloseableProtocol)
class Staged(Protocol):
    """Goes into the state that its client asks for, and says ``ok``."""

    state = ""
    answering = False

    def connectionMade(self) -> None:
        self.factory.live.add(self)

    def dataReceived(self, data: bytes) -> None:
        if not self.state:
            self.state = data.decode().strip()
            self.transport.write(b"ok\n")
            STATES.get(self.state, nothing)(self)

    def answer(self) -> None:
        self.answering = True
        reactor.callLater(THINKING, self.finish)

    def finish(self) -> None:
        self.answering = False
        self.transport.write(ANSWER)

    def readConnectionLost(self) -> None:
        if self.state != "half-closed":
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        pass

    def connectionLost(self, reason: Any) -> None:
        self.factory.gone(self)


class ManagedStaged(ManagedProtocolMixin, Staged):
    """Says that an answer is under way; that is all it has to say."""

    def busy(self) -> bool:
        return self.answering


def nothing(protocol: Staged) -> None:
    pass


def write_much(protocol: Staged) -> None:
    protocol.transport.write(UNREAD)


def pause(protocol: Staged) -> None:
    protocol.transport.pauseProducing()


def stream(protocol: Staged) -> None:
    protocol.transport.registerProducer(Stubborn(), True)
    write_much(protocol)


def pull(protocol: Staged) -> None:
    protocol.transport.registerProducer(Stubborn(), False)


#: By what the client sends. Of "silent over TLS" and "half-closed" the client does its part, and
#: behind "unread body" it sends one.
STATES: dict[str, Callable[[Any], None]] = {
    "never reads": write_much,
    "paused": pause,
    "unread body": pause,
    "streaming producer": stream,
    "pull producer": pull,
    "answer": Staged.answer,
}


class StagedFactory(Factory):
    noisy = False
    protocol: Any = Staged

    def __init__(self) -> None:
        self.live: set[Any] = set()
        self.lost = 0
        self.all_gone: Deferred[None] | None = None

    def gone(self, protocol: Any) -> None:
        self.lost += 1
        self.live.discard(protocol)
        if self.all_gone is not None and not self.live:
            self.all_gone.callback(None)

    def abort_all(self) -> Deferred[None]:
        self.all_gone = Deferred()
        for protocol in tuple(self.live):
            raw = getattr(protocol.transport, "transport", protocol.transport)
            raw.abortConnection()
        return self.all_gone


class ManagedStagedFactory(ManagedFactoryMixin, StagedFactory):
    protocol = ManagedStaged


def main(way: str) -> None:
    factory = ManagedStagedFactory() if way == "both mixins" else StagedFactory()
    ports = [
        reactor.listenTCP(0, factory, 4096, interface="127.0.0.1"),
        reactor.listenSSL(0, factory, certificate().options(), 4096, interface="127.0.0.1"),
    ]
    if way == "both mixins":
        root_scope(reactor).grace = GRACE
        scope = Scope(reactor, "server", grace=GRACE)
        for port in ports:
            scope.own(port)
        scope.own(factory)
    elif way == "abortConnection() loop":
        reactor.addSystemEventTrigger("before", "shutdown", factory.abort_all)
    numbers = [port.getHost().port for port in ports]
    reactor.callWhenRunning(lambda: print(json.dumps(numbers), flush=True))
    reactor.run()
    print(json.dumps(factory.lost), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
