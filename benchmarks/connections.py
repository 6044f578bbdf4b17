"""
What care costs a connection: accepting it, one echo and its end, and the memory while it is open.

Run ``python benchmarks/connections.py [rounds] [connections]``. The shapes have a port each in one
process and take turns, in the opposite order every other round; the clients are in a process of
their own. Plain Twisted is in the turn twice: how far its two columns differ is what the ratios
are worth. A rate is connections for each second of CPU time of the server, user and system; the
ratio is the median of the ratios of each round. Bytes are what a thousand open connections take,
by tracemalloc. The budget is the mixins'; ``own``, for classes that know nothing of it, is shown
beside. Exits with 1 when the budget is missed.
"""

from __future__ import annotations

import gc
import socket
import sys
import time
import tracemalloc
from statistics import median
from typing import Any

from peers import Peer, answer_questions
from twisted.copyright import version as twisted_version
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import react

from txresource import ManagedFactoryMixin, ManagedProtocolMixin, Scope

BUDGETED, RATE, BYTES = "both mixins", 0.95, 600.0
OPEN = 1000
#: Connections that a client has open at a time.
TOGETHER = 25

reactor: Any = installed


class Echo(Protocol):
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)

    def connectionLost(self, reason: Any) -> None:
        self.factory.lost(self)


class ManagedEcho(ManagedProtocolMixin, Echo):
    pass


class EchoFactory(Factory):
    """Tells when so many connections are gone."""

    noisy = False
    protocol: Any = Echo
    left = 0

    def lost(self, protocol: Any) -> None:
        self.left -= 1
        if self.left == 0:
            self.gone.callback(None)

    def expect(self, connections: int) -> Deferred[None]:
        self.left, self.gone = connections, Deferred()
        return self.gone


class ManagedEchoFactory(ManagedFactoryMixin, EchoFactory):
    protocol = ManagedEcho


def echo(port: int, connections: int) -> None:
    """The client's side: connect, send, receive, close."""
    while connections:
        clients = connect(port, min(TOGETHER, connections))
        connections -= len(clients)
        for client in clients:
            client.close()


held: list[socket.socket] = []


def hold(port: int, connections: int) -> None:
    """The client's side: connections that stay."""
    held.extend(connect(port, connections))


def release() -> None:
    """The client's side: their end."""
    while held:
        held.pop().close()


def connect(port: int, connections: int) -> list[socket.socket]:
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    for client in clients:
        client.sendall(b"hello")
    for client in clients:
        assert client.recv(100) == b"hello"
    return clients


@inlineCallbacks
def timed(peer: Peer, factory: EchoFactory, port: int, connections: int) -> Any:
    """Connections a second of the server's CPU time."""
    gc.collect()
    gone = factory.expect(connections)
    begun = time.process_time()
    yield peer.ask("echo", port, connections)
    yield gone
    return connections / (time.process_time() - begun)


@inlineCallbacks
def weighed(peer: Peer, factory: EchoFactory, port: int) -> Any:
    """Bytes that an open connection takes."""
    for _ in range(2):  # the first time caches are filled
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        gone = factory.expect(OPEN)
        yield peer.ask("hold", port, OPEN)
        gc.collect()
        size = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        yield peer.ask("release")
        yield gone
    return size / OPEN


@inlineCallbacks
def measure(rounds: int, connections: int) -> Any:
    scope = Scope(reactor, "benchmark")
    shapes: dict[str, EchoFactory] = {
        "plain": EchoFactory(),
        "plain again": EchoFactory(),
        "both mixins": ManagedEchoFactory(),
        "own(factory)": scope.own(EchoFactory()),
    }
    listening = {
        name: reactor.listenTCP(0, factory, 4096, interface="127.0.0.1")
        for name, factory in shapes.items()
    }
    ports = {name: port.getHost().port for name, port in listening.items()}
    peer = Peer(reactor, __file__)
    bytes_each, rates = {}, {name: [] * 0 for name in shapes}
    for name, factory in shapes.items():
        bytes_each[name] = yield weighed(peer, factory, ports[name])
    names = list(shapes)
    for number in range(rounds):
        for name in names if number % 2 else reversed(names):
            rates[name].append((yield timed(peer, shapes[name], ports[name], connections)))
    peer.end()
    yield scope.close()
    for port in listening.values():
        yield port.stopListening()
    return rates, bytes_each


@inlineCallbacks
def main(_: Any, rounds: int = 61, connections: int = 500) -> Any:
    rates, bytes_each = yield measure(rounds, connections)
    version = ".".join(map(str, sys.version_info[:3]))
    print(
        f"CPython {version}, Twisted {twisted_version}, {rounds} rounds of {connections} connections"
    )
    print(f"  {'':14s} {'a second':>9s} {'x plain':>8s} {'bytes':>7s} {'more':>6s}")
    kept = False
    for name, each in rates.items():
        ratio = median(a / b for a, b in zip(each, rates["plain"], strict=True))
        more = bytes_each[name] - bytes_each["plain"]
        print(f"  {name:14s} {median(each):9.0f} {ratio:8.3f} {bytes_each[name]:7.0f} {more:6.0f}")
        if name == BUDGETED:
            kept = ratio >= RATE and more <= BYTES
    print(
        f"  {BUDGETED}: >= {RATE} x plain and <= {BYTES:g} bytes more: {'kept' if kept else 'MISSED'}"
    )
    if not kept:
        raise SystemExit(1)


if __name__ == "__main__":
    if sys.argv[1:] == ["--peer"]:
        answer_questions(echo, hold, release)
    else:
        react(main, [int(argument) for argument in sys.argv[1:]])
