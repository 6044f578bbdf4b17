"""Work that the reactor does not do itself: lookups, processes, threads."""

from __future__ import annotations

import socket
import sys
import threading
import time
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint
from twisted.internet.protocol import ClientFactory, Factory, ProcessProtocol, Protocol
from twisted.internet.threads import deferToThread

from tests.real.faults.world import Fault

JOBS = 25
DEAF = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(120)
"""


class ConnectUnderWay(Fault):
    """A connection to a listener that does not answer, because its queue is full."""

    def arm(self) -> Deferred[Any]:
        listener = self.world.keep(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = self.world.keep(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        self.connect(*listener.getsockname())
        under_way: Deferred[None] = Deferred()
        self.reactor.callLater(0.05, under_way.callback, None)
        return under_way

    def connect(self, host: str, port: int) -> None:
        """Begin."""
        endpoint = TCP4ClientEndpoint(self.reactor, host, port)
        self.wait("connect", self.world.start(endpoint.connect, Factory.forProtocol(Protocol)))


class Failing(ClientFactory):
    noisy = False

    def __init__(self) -> None:
        self.failed: Deferred[None] = Deferred()

    def clientConnectionFailed(self, connector: Any, reason: Any) -> None:
        self.failed.callback(None)


class FactoryConnects(ConnectUnderWay):
    """The same, by a factory."""

    def connect(self, host: str, port: int) -> None:
        factory = self.world.managed(Failing)()
        self.wait("clientConnectionFailed", factory.failed)
        self.reactor.connectTCP(host, port, factory)


def block(armed: Any) -> None:
    """Block a thread for ever."""
    armed()
    threading.Event().wait()


class InThread(Fault):
    """Something that blocks a thread for ever."""

    def arm(self) -> Deferred[None]:
        armed: Deferred[None] = Deferred()
        self.block(lambda *_: self.reactor.callFromThread(armed.callback, None))
        return armed

    def block(self, armed: Any) -> None:
        """Begin it, and say when it is there."""


class BlockingCall(InThread):
    """A call that blocks a thread of the reactor's pool for ever."""

    def block(self, armed: Any) -> None:
        self.wait("deferToThread", self.world.start(deferToThread, block, armed))


class LookupUnderWay(InThread):
    """A name that the system's resolver looks up for ever."""

    def block(self, armed: Any) -> None:
        from twisted.internet._resolver import GAIResolver

        def stuck(*args: Any) -> Any:
            block(armed)

        self.reactor.installNameResolver(GAIResolver(self.reactor, getaddrinfo=stuck))
        endpoint = HostnameEndpoint(self.reactor, "somewhere.invalid", 80)
        self.wait("connect", self.world.start(endpoint.connect, Factory.forProtocol(Protocol)))


class QueuedJobs(Fault):
    """25 jobs for a pool of ten threads."""

    def arm(self) -> None:
        self.done: list[int] = []
        for number in range(JOBS):
            self.wait(f"job {number}", deferToThread(self.job, number))

    def job(self, number: int) -> None:
        time.sleep(0.05)
        self.done.append(number)

    def result(self) -> Any:
        return {**super().result(), "twice": len(set(self.done)) < len(self.done)}


class Child(ProcessProtocol):
    losses = 0
    at_bottom = None

    def __init__(self, armed: Deferred[None]) -> None:
        self.armed = armed
        self.ended: Deferred[None] = Deferred()

    def outReceived(self, data: bytes) -> None:
        self.armed.callback(None)

    def processEnded(self, reason: Any) -> None:
        self.losses += 1
        self.ended.callback(None)


class IgnoresTerm(Fault):
    """A child process that ignores TERM."""

    def arm(self) -> Deferred[None]:
        armed: Deferred[None] = Deferred()
        child = Child(armed)
        self.made.append(child)
        self.wait("processEnded", child.ended)
        command = [sys.executable, "-c", DEAF]
        process = self.reactor.spawnProcess(child, command[0], command, env={})
        self.pid = self.world.own(process).pid
        return armed
