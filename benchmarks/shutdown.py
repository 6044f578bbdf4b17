"""
Ten thousand connections at shutdown: what closing them costs, and what becomes of them.

Run ``python benchmarks/shutdown.py [rounds] [connections]``. Two parts.

*Healthy*: the connections are idle and their peers well. They are closed by a bare loop of
``abortConnection()``, by a bare loop of ``loseConnection()``, by the mixins and by
``own(factory)``, in turns in one process, the loop of aborts twice. Figures are CPU time of the
server from the begin to the last ``connectionLost``, and ratios medians of those of each round.

*Mixed*: in a process for each way of ending, 500 of the connections are stuck in seven ways, and
200 have an answer under way when SIGTERM comes (``shutdown_server.py``). Told are the seconds from
the signal to the end of the process, how many protocols heard of the end of their connection, and
how many answers arrived whole. Exits with 1 when the budget is missed, or an answer or an end.
"""

from __future__ import annotations

import gc
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from connections import EchoFactory, ManagedEcho, hold, release
from peers import Peer, answer_questions
from shutdown_mixed import mixed
from twisted.copyright import version as twisted_version
from twisted.internet import reactor as installed
from twisted.internet.defer import inlineCallbacks
from twisted.internet.task import deferLater, react
from twisted.internet.threads import deferToThread

from txresource import ManagedFactoryMixin, Scope

BUDGET = 1.5

reactor: Any = installed


class LoopFactory(EchoFactory):
    """A factory that knows its protocols, as those who write the loop by hand have it."""

    def __init__(self, method: str) -> None:
        self.protocols: set[Any] = set()
        self.method = method

    def buildProtocol(self, address: Any) -> Any:
        protocol = super().buildProtocol(address)
        self.protocols.add(protocol)
        return protocol

    def lost(self, protocol: Any) -> None:
        self.protocols.discard(protocol)
        super().lost(protocol)

    def close(self) -> None:
        for protocol in tuple(self.protocols):
            getattr(protocol.transport, self.method)()


class OwnedFactory(EchoFactory):
    """A factory that a scope owns."""

    def __init__(self) -> None:
        self.owner = Scope(reactor, "server", grace=60)
        self.owner.own(self)

    def close(self) -> Any:
        return self.owner.close()


class MixedFactory(ManagedFactoryMixin, OwnedFactory):
    protocol = ManagedEcho


SHAPES: dict[str, Callable[[], Any]] = {
    "abortConnection() loop": partial(LoopFactory, "abortConnection"),
    "the same again": partial(LoopFactory, "abortConnection"),
    "loseConnection() loop": partial(LoopFactory, "loseConnection"),
    "both mixins": MixedFactory,
    "own(factory)": OwnedFactory,
}


@inlineCallbacks
def timed(peer: Peer, name: str, connections: int) -> Any:
    """Seconds of CPU time that closing takes."""
    factory = SHAPES[name]()
    port = reactor.listenTCP(0, factory, 4096, interface="127.0.0.1")
    gone = factory.expect(connections)
    yield peer.ask("hold", port.getHost().port, connections)
    yield deferLater(reactor, 0.05)
    gc.collect()
    begun = time.process_time()
    closed = factory.close()
    yield gone
    yield closed
    seconds = time.process_time() - begun
    yield peer.ask("release")
    yield port.stopListening()
    return seconds


@inlineCallbacks
def healthy(rounds: int, connections: int) -> Any:
    """The first part; whether the budget is kept."""
    peer = Peer(reactor, __file__)
    seconds: dict[str, list[float]] = {name: [] for name in SHAPES}
    names = list(SHAPES)
    for number in range(rounds):
        for name in names if number % 2 else reversed(names):
            seconds[name].append((yield timed(peer, name, connections)))
    peer.end()
    print(f"healthy: {rounds} rounds of {connections} idle connections")
    print(f"  {'':24s} {'CPU ms':>8s} {'x aborts':>8s}")
    kept = True
    base = seconds["abortConnection() loop"]
    for name, each in seconds.items():
        ratio = median(a / b for a, b in zip(each, base, strict=True))
        print(f"  {name:24s} {median(each) * 1000:8.0f} {ratio:8.2f}")
        kept = kept and (ratio <= BUDGET or name not in ("both mixins", "own(factory)"))
    print(f"  <= {BUDGET} x a loop of aborts: {'kept' if kept else 'MISSED'}")
    return kept


@inlineCallbacks
def main(_: Any, rounds: int = 9, connections: int = 10_000) -> Any:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most != resource.RLIM_INFINITY and most < connections + 100:
        raise SystemExit(
            f"{connections} connections need {connections + 100} descriptors in each process;"
            f" {most} are allowed"
        )

    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"CPython {version}, Twisted {twisted_version}")
    kept = yield healthy(rounds, connections)
    whole = yield deferToThread(mixed, connections)
    if not (kept and whole):
        raise SystemExit(1)


if __name__ == "__main__":
    if sys.argv[1:] == ["--peer"]:
        answer_questions(hold, release)
    else:
        react(main, [int(argument) for argument in sys.argv[1:]])
