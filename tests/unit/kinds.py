"""A thing of every kind that a scope can own, and how often it was closed."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from typing import Any

from twisted.application.internet import ClientService
from twisted.application.service import Service
from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Cooperator, LoopingCall
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from twisted.web.client import HTTPConnectionPool
from zope.interface import implementer

from tests.unit.test_closers_datagrams import SilentPort
from tests.unit.test_closers_processes import Child
from tests.unit.test_closers_transports import Connector, TCPWire, Telling
from tests.unit.test_closers_webclient import Servers
from tests.unit.test_many import ForeignCall
from txresource import ManagedFactoryMixin, Scope
from txresource.interfaces import ICloseable


@dataclass(frozen=True)
class Kind:
    """
    A thing of one kind.

    :ivar thing: what is owned.
    :ivar closed: how often it was closed.
    :ivar end: ends it otherwise than by a scope; ``None``: nothing else can.
    :ivar tells: whether the thing tells its owner when it ends.
    :ivar how: the other arguments of ``own``.
    """

    thing: Any
    closed: Callable[[], int]
    end: Callable[[], Any] | None = None
    tells: bool = True
    how: tuple[tuple[str, Any], ...] = ()

    def threads(self) -> tuple[Any, ...]:
        """The threads that the thing has."""
        return tuple(getattr(getattr(self.thing, "threadpool", self.thing), "threads", ()))

    def own(self, scope: Scope, name: str | None = None) -> Any:
        """Have a scope own it."""
        return scope.own(self.thing, name=name, **dict(self.how))


class Counting:
    """Counts the calls of one method of the class that follows."""

    count = 0

    def counted(self) -> int:
        """How many there were."""
        return self.count


class CountingCall(Counting, ForeignCall):
    """A delayed call of somebody else's reactor."""

    def cancel(self) -> None:
        """Forget it."""
        self.count += 1
        super().cancel()


class CountingLoop(Counting, LoopingCall):
    """A looping call."""

    def stop(self) -> None:
        """Stop it."""
        self.count += 1
        super().stop()


class CountingThreads(Counting, ThreadPool):
    """A thread pool."""

    def stop(self) -> None:
        """Stop it."""
        self.count += 1
        super().stop()


class CountingHTTPPool(Counting, HTTPConnectionPool):
    """A pool of client connections."""

    def closeCachedConnections(self) -> Deferred[None]:
        """Close them."""
        self.count += 1
        closed: Deferred[None] = super().closeCachedConnections()
        return closed


class CountingDatabase(Counting, ConnectionPool):
    """A pool of database connections."""

    def close(self) -> None:
        """Close them."""
        self.count += 1
        super().close()


class CountingFile(Counting, io.StringIO):
    """A file."""

    def close(self) -> None:
        """Close it."""
        self.count += not self.closed
        super().close()


class CountingService(Counting, Service):
    """A service."""

    def stopService(self) -> None:
        """Stop it."""
        self.count += 1
        super().stopService()


class CountingClient(Counting, ClientService):
    """A client service."""

    def stopService(self) -> Deferred[None]:
        """Stop it."""
        self.count += 1
        stopped: Deferred[None] = super().stopService()
        return stopped


class CountingFactory(Counting, Factory):
    """A factory."""

    noisy = False
    protocol = Protocol

    def doStop(self) -> None:
        """Stop it."""
        self.count += 1
        super().doStop()


class ManagedFactory(ManagedFactoryMixin, CountingFactory):
    """One with the mixin."""


@implementer(ICloseable)
class Closeable(Counting):
    """What closes itself."""

    def close(self) -> None:
        """Close it."""
        self.count += 1

    def abort(self) -> None:
        """Never called here."""


def timer(clock: Any) -> Kind:
    call = clock.callLater(60, int)
    return Kind(call, lambda: call.cancelled, call.cancel)


def foreign_timer(clock: Any) -> Kind:
    call = CountingCall()
    return Kind(call, call.counted, lambda: setattr(call, "alive", False), tells=False)


def loop(clock: Any) -> Kind:
    looping = CountingLoop(int)
    looping.clock = clock
    looping.start(60, now=False)
    return Kind(looping, looping.counted, looping.stop)


def cooperation(clock: Any) -> Kind:
    ended: list[Any] = []
    cooperator = Cooperator(scheduler=lambda f: clock.callLater(0.1, f))
    task = cooperator.cooperate(iter([Deferred()]))
    task.whenDone().addBoth(ended.append)
    return Kind(task, lambda: len(ended), task.stop)


def deferred(clock: Any) -> Kind:
    cancelled: list[Any] = []
    work: Deferred[None] = Deferred(cancelled.append)
    return Kind(work, lambda: len(cancelled), lambda: work.callback(None))


def process(clock: Any) -> Kind:
    child = Child(clock)
    return Kind(child, lambda: child.heard.count("TERM"), child.reaped)


def threads(clock: Any) -> Kind:
    pool = CountingThreads(0, 1)
    pool.start()
    return Kind(pool, pool.counted, lambda: pool.stop())


def database(clock: Any) -> Kind:
    reactor: Any = MemoryReactorClock()
    reactor.removeSystemEventTrigger = lambda _: None
    pool = CountingDatabase("sqlite3", ":memory:", cp_reactor=reactor)
    return Kind(pool, pool.counted, pool.close)


def http_pool(clock: Any) -> Kind:
    pool = CountingHTTPPool(clock)

    def end() -> None:
        before = Scope(clock, "before")
        before.own(pool)
        before.abort()

    return Kind(pool, pool.counted, end)


def file(clock: Any) -> Kind:
    text = CountingFile()
    return Kind(text, text.counted, lambda: text.close())


def stack(clock: Any) -> Kind:
    unwound: list[int] = []
    exits = ExitStack()
    exits.callback(unwound.append, 1)
    return Kind(exits, lambda: len(unwound))


def async_stack(clock: Any) -> Kind:
    unwound: list[int] = []
    exits = AsyncExitStack()
    exits.callback(unwound.append, 1)
    return Kind(exits, lambda: len(unwound))


def service(clock: Any) -> Kind:
    served = CountingService()
    served.startService()
    return Kind(served, served.counted)


def client_service(clock: Any) -> Kind:
    client = CountingClient(Servers(clock), Factory.forProtocol(Protocol), clock=clock)
    client.startService()
    return Kind(client, client.counted)


def closeable(clock: Any) -> Kind:
    thing = Closeable()
    return Kind(thing, thing.counted)


def with_close(clock: Any) -> Kind:
    thing = Closeable()
    return Kind(object(), thing.counted, how=(("close", thing.close),))


def port(clock: Any) -> Kind:
    listening = clock.listenTCP(0, CountingFactory())
    return Kind(listening, lambda: listening.told)


def datagrams(clock: Any) -> Kind:
    socket = SilentPort(clock)
    return Kind(socket, lambda: socket.told, lambda: socket.stopListening())


def connection(clock: Any) -> Kind:
    wire = TCPWire(clock)
    wire.connect(Protocol())

    def end() -> None:
        wire.connected = False
        wire.connectionLost(Failure(ConnectionDone()))

    return Kind(wire, lambda: wire.asked.count("lose"), end)


def connector(clock: Any) -> Kind:
    factory = Telling()
    attempt = Connector(clock, factory)
    return Kind(attempt, lambda: len(factory.heard), attempt.disconnect)


def factory(clock: Any) -> Kind:
    plain = CountingFactory()
    plain.doStart()  # one that listens is held until its connections are gone, then let stop
    return Kind(plain, plain.counted)


def managed_factory(clock: Any) -> Kind:
    managed = ManagedFactory()
    managed.reactor = clock
    managed.doStart()
    return Kind(managed, managed.counted)


KINDS = (
    async_stack,
    client_service,
    closeable,
    connection,
    connector,
    cooperation,
    database,
    datagrams,
    deferred,
    factory,
    file,
    foreign_timer,
    http_pool,
    loop,
    managed_factory,
    port,
    process,
    service,
    stack,
    threads,
    timer,
    with_close,
)
