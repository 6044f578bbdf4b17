"""
What is left after many cycles of open, use and close: nothing may be.

Run ``python benchmarks/soak.py [cycles] [timers] [leak]``. Cycles run on a real reactor, once by a
scope and once by hand, in plain Twisted, with the collector off and ``gc.DEBUG_SAVEALL``:

*serving*: a port with managed connections and their timers, a client that is a bare socket, delayed
calls, a loop, a coroutine, an ``inlineCallbacks`` function and a file: exactly no garbage.

*calling*: the same kind of server, asked by Twisted's own client, a job of the reactor's thread pool
and a pool of its own: these leave cycles in plain Twisted, and a scope adds no object to them.

*cancelling*: a coroutine that is still at work when its owner closes: Twisted leaves its frames to
the collector, a scope nothing.

Then so many timers are fired by one scope, whose children and bytes are compared at a fifth of the
way and at the end. ``leak`` makes each cycle, and every hundredth timer, leave something behind.
Prints a table, and one line for each figure that is not flat; exits with 1 when there is such a line.
"""

from __future__ import annotations

import gc
import io
import os
import socket
import sys
import threading
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.copyright import version as twisted_version
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, ensureDeferred, inlineCallbacks, maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall, deferLater
from twisted.internet.threads import deferToThread, deferToThreadPool
from twisted.logger import globalLogBeginner
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from txresource import ManagedFactoryMixin, ManagedProtocolMixin, Scope

LOOPBACK = "127.0.0.1"
#: Timers that wait at the same time.
BATCH = 1000
#: Objects of the last job that its thread may still hold, or not, when they are counted.
LAST_JOB = 20
#: Bytes by which so many fired timers may differ: a table of the reactor's that had room.
SLACK = 100_000

reactor: Any = installed
left_behind: list[Any] = []


# -- who owns: a scope, or a list in plain Twisted


def scoped() -> Scope:
    """A scope."""
    return Scope(reactor, "cycle")


class ByHand:
    """The same done by hand, newest first."""

    def __init__(self) -> None:
        self.closers: list[Callable[[], Any]] = []

    def own(self, thing: Any) -> Any:
        for name in ("stopListening", "loseConnection", "stop", "close"):
            if hasattr(thing, name):
                self.closers.append(getattr(thing, name))
                break
        return thing

    def start(self, work: Any) -> Any:
        task = ensureDeferred(work) if hasattr(work, "send") else work
        self.closers.append(task.cancel)
        return task

    def call_later(self, delay: float, function: Callable[..., Any], *args: Any) -> Any:
        call = reactor.callLater(delay, function, *args)
        self.closers.append(lambda: call.active() and call.cancel())
        return call

    def looping_call(self, function: Callable[[], Any], interval: float) -> Any:
        loop = LoopingCall(function)
        loop.start(interval)
        return self.own(loop)

    async def close(self, grace: float = 5.0) -> None:
        while self.closers:
            await maybeDeferred(self.closers.pop())


class Answering(Protocol):
    """Answers, with a timer of its own as long as it is connected."""

    def connectionMade(self) -> None:
        self.timer = reactor.callLater(3600, int)

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(b"answer")

    def connectionLost(self, reason: Any = None) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.factory.lost.callback(None)


class ManagedAnswering(ManagedProtocolMixin, Answering):
    """The same with the mixin."""

    def connectionMade(self) -> None:
        self.timer = None
        self.scope.call_later(3600, int)


class ManagedFactory(ManagedFactoryMixin, Factory):
    """Builds them."""


@implementer(IReadDescriptor)
class BareClient:
    """A client that is no more than a socket, so that it leaves nothing behind itself."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((LOOPBACK, port))
        self.answer: Deferred[bytes] = Deferred()

    def fileno(self) -> int:
        return self.socket.fileno()

    def logPrefix(self) -> str:
        return "bare"

    def connectionLost(self, reason: Failure) -> None:
        self.socket.close()

    def doRead(self) -> None:
        reactor.removeReader(self)
        self.answer.callback(self.socket.recv(100))

    def ask(self) -> Deferred[bytes]:
        self.socket.sendall(b"question")
        reactor.addReader(self)
        return self.answer


class Asking(Protocol):
    """Asks one question."""

    def connectionMade(self) -> None:
        self.answer: Deferred[bytes] = Deferred()
        self.lost: Deferred[None] = Deferred()
        self.transport.write(b"question")

    def dataReceived(self, data: bytes) -> None:
        self.answer.callback(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.lost.callback(None)


# -- the cycles


def listen(owner: Any) -> tuple[Any, int]:
    managed = isinstance(owner, Scope)
    factory: Any = (ManagedFactory if managed else Factory).forProtocol(
        ManagedAnswering if managed else Answering
    )
    factory.noisy, factory.lost = False, Deferred()
    port = owner.own(reactor.listenTCP(0, factory, interface=LOOPBACK))
    return owner.own(factory), port.getHost().port


async def wait(seconds: float) -> str:
    await deferLater(reactor, seconds)
    return "done"


@inlineCallbacks
def wait_older(seconds: float) -> Any:
    yield deferLater(reactor, seconds)
    return "done"


async def serving(owner: Any) -> None:
    """Open, use and close what leaves no garbage."""
    factory, port = listen(owner)
    file = owner.own(io.FileIO(__file__))
    file.read(1)
    called: Deferred[None] = Deferred()
    looped: Deferred[None] = Deferred()
    owner.call_later(0, called.callback, None)
    owner.call_later(3600, int)
    owner.looping_call(lambda: looped.called or looped.callback(None), 0.5)
    tasks = owner.start(wait(0)), owner.start(wait_older(0))
    client = BareClient(port)
    assert await client.ask() == b"answer"
    for task in (*tasks, called, looped):
        await task
    if isinstance(owner, Scope):
        await owner.close()
        client.socket.close()
    else:
        client.socket.close()
        await owner.close()
    await factory.lost
    assert file.closed


async def calling(owner: Any) -> None:
    """Open, use and close what leaves cycles in plain Twisted."""
    factory, port = listen(owner)
    client = await TCP4ClientEndpoint(reactor, LOOPBACK, port).connect(ASKING)
    owner.own(client.transport)
    assert await client.answer == b"answer"
    assert await owner.start(deferToThread(int)) == 0
    pool = ThreadPool(0, 1, "cycle")
    pool.start()
    owner.own(pool)
    assert await owner.start(deferToThreadPool(reactor, pool, int)) == 0
    await owner.close()
    await client.lost
    await factory.lost


async def cancelling(owner: Any) -> None:
    """Close while a coroutine is at work, which nobody waits for."""
    task = owner.start(wait(3600))
    if isinstance(owner, ByHand):
        task.addErrback(lambda _: None)
    del task
    await owner.close(grace=0)


ASKING: Any = Factory.forProtocol(Asking)
ASKING.noisy = False


# -- measuring


def figures() -> dict[str, int]:
    """What must be flat, in numbers."""
    return {
        "descriptors": len(os.listdir("/dev/fd")),
        "delayed calls": len(reactor.getDelayedCalls()),
        "selectables": len({*reactor.getReaders(), *reactor.getWriters()}),
        "threads": threading.active_count(),
    }


async def repeat(
    cycle: Callable[[Any], Awaitable[None]], owner: Callable[[], Any], times: int, leak: bool
) -> None:
    for _ in range(times):
        await cycle(owner())
        if leak:
            ring: list[Any] = [io.FileIO(__file__), reactor.callLater(3600, int)]
            ring.append(ring)
            left_behind.append(ring[0])
    await wait(0.005)  # the last cycle may need some turns more


async def soak(
    cycle: Callable[[Any], Awaitable[None]], owner: Callable[[], Any], times: int, leak: bool
) -> dict[str, float]:
    """By how much each figure changed over so many cycles, after a warm-up."""
    await repeat(cycle, owner, max(20, times // 10), False)
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    before, began = figures(), time.process_time()
    await repeat(cycle, owner, times, leak)
    seconds, after = time.process_time() - began, figures()
    gc.collect()
    dicts = count_own_dicts(gc.garbage)
    found = {"garbage": len(gc.garbage) - dicts, "own dicts of it": dicts}
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()
    gc.collect()
    changed: dict[str, float] = {name: after[name] - before[name] for name in before}
    return {**changed, **found, "us": seconds / times * 1e6}


def count_own_dicts(garbage: list[Any]) -> int:
    """
    How many are the ``__dict__`` of another one. Whether an instance has one beside it is up to the
    interpreter: with one more attribute than it has seen on others of the class it has.
    """
    dicts = {id(each) for each in garbage if type(each) is dict}
    return sum(id(getattr(each, "__dict__", None)) in dicts for each in garbage)


async def fire(owner: Any, times: int, leak: bool) -> None:
    """Fire so many timers on the reactor."""
    fired = 0

    def tick() -> None:
        nonlocal fired
        fired += 1

    for _ in range(times // BATCH):
        for _ in range(BATCH):
            owner(0, tick)
        if leak:
            left_behind.extend(owner(3600, tick) for _ in range(BATCH // 100))
        await deferLater(reactor, 0)
    await wait(0.005)  # the last cycle may need some turns more
    assert fired == times // BATCH * BATCH, fired


async def timers(scope: Scope | None, times: int, leak: bool) -> dict[str, float]:
    """Children and bytes at the end, less those at a fifth of the way."""
    call_later = reactor.callLater if scope is None else scope.call_later
    gc.collect()
    tracemalloc.start()
    await fire(call_later, times // 5, False)
    gc.collect()
    first, began = tracemalloc.get_traced_memory()[0], time.process_time()
    await fire(call_later, times - times // 5, leak)
    seconds = time.process_time() - began
    gc.collect()
    size = tracemalloc.get_traced_memory()[0] - first
    tracemalloc.stop()
    return {
        "children": 0 if scope is None else len(scope.tree().children),
        "delayed calls": len(reactor.getDelayedCalls()),
        "bytes": size,
        "us": seconds / (times - times // 5) * 1e6,
    }


def judge(name: str, found: dict[str, float], allowed: dict[str, float]) -> list[str]:
    """Print the figures; those that are above what is allowed, 0 where nothing is said."""
    print(f"  {name:22s} " + ", ".join(f"{value:,.0f} {key}" for key, value in found.items()))
    return [
        f"{name}: {found[key]:,.0f} {key}, not {allowed.get(key, 0):,.0f}"
        for key in found
        if key not in ("us", "own dicts of it") and found[key] > allowed.get(key, 0)
    ]


async def main(cycles: int = 10_000, amount: int = 1_000_000, leak: bool = False) -> list[str]:
    version = ".".join(map(str, sys.version_info[:3]))
    print(
        f"CPython {version}, Twisted {twisted_version}, {type(reactor).__name__},"
        f" {cycles:,} cycles, {amount:,} timers; what was left, and us of CPU each"
    )
    wrong = []
    for cycle in (serving, calling, cancelling):
        by_hand = await soak(cycle, ByHand, cycles, False)
        judge(f"{cycle.__name__}, by hand", by_hand, {})
        by_scope = await soak(cycle, scoped, cycles, leak)
        allowed = {"garbage": by_hand["garbage"] + LAST_JOB} if cycle is calling else {}
        wrong += judge(f"{cycle.__name__}, by a scope", by_scope, allowed)
    judge("timers, by hand", await timers(None, amount, False), {})
    for call in reactor.getDelayedCalls():
        call.cancel()
    scope = Scope(reactor, "timers")
    found = await timers(scope, amount, leak)
    wrong += judge("timers, by a scope", found, {"bytes": SLACK})
    await scope.close()
    return wrong


def run(*arguments: str) -> int:
    """Run it on the reactor; the exit status."""
    numbers = map(int, filter(str.isdecimal, arguments))
    reactor.suggestThreadPoolSize(1)
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)
    status = [2]

    def tell(wrong: Any) -> None:
        for line in wrong if isinstance(wrong, list) else [wrong.getTraceback()]:
            print("NOT FLAT", line)
        status[0] = int(wrong != [])
        if wrong == []:
            print("flat")
        reactor.stop()

    reactor.callWhenRunning(
        lambda: ensureDeferred(main(*numbers, leak="leak" in arguments)).addBoth(tell)
    )
    reactor.run()
    return status[0]


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:]))
