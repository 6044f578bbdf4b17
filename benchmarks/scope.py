"""
What owning costs: time and memory for each thing, and closing many of them.

Run ``python benchmarks/scope.py [rounds] [things]``. Delayed calls of a real reactor, which does
not run, are owned by a scope, pushed on a ``contextlib.AsyncExitStack``, or kept in a list; tasks
are started by a scope, by Twisted alone or, where there is one, by an ``asyncio.TaskGroup``. The
shapes take turns in one process, in the opposite order every other round, and the list is in the
turn twice: how far its two columns differ is what the ratios are worth. Times are CPU time,
medians of the rounds. Exits with 1 when a budget is missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

from twisted.copyright import version as twisted_version
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred

from txresource import Scope

BARE = 4.0

reactor: Any = installed

#: A shape opens so many things, then says so by a yield, closes them, and says so again.
Shape = Callable[[int], Iterator[None]]


def drive(coroutine: Any) -> None:
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")


def bare(things: int) -> Iterator[None]:
    calls = [reactor.callLater(3600, int) for _ in range(things)]
    yield
    for call in calls:
        call.cancel()
    yield


def stack(things: int) -> Iterator[None]:
    owner = contextlib.AsyncExitStack()
    for _ in range(things):
        owner.callback(reactor.callLater(3600, int).cancel)
    yield
    drive(owner.aclose())
    yield


def scope(things: int) -> Iterator[None]:
    owner = Scope(reactor, "timers")
    for _ in range(things):
        owner.call_later(3600, int)
    yield
    owner.close()
    assert owner.state == "closed"
    yield


def bare_tasks(things: int) -> Iterator[None]:
    end: list[Deferred[None]] = []
    tasks = [Deferred.fromCoroutine(ended_by(end)) for _ in range(things)]
    yield
    for each in end:
        each.callback(None)
    assert all(task.called for task in tasks)
    yield


def scope_tasks(things: int) -> Iterator[None]:
    owner = Scope(reactor, "tasks")
    end: list[Deferred[None]] = []
    for _ in range(things):
        owner.start(ended_by(end))
    yield
    for each in end:
        each.callback(None)
    owner.close()
    assert owner.state == "closed"
    yield


async def ended_by(end: list[Deferred[None]]) -> None:
    end.append(Deferred())
    await end[-1]


def group_tasks(things: int) -> Iterator[None]:
    loop = asyncio.new_event_loop()
    end: list[asyncio.Future[None]] = []
    opened, closes = loop.create_future(), loop.create_future()

    async def work() -> None:
        end.append(loop.create_future())
        await end[-1]

    async def owner() -> None:
        async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined, unused-ignore]
            for _ in range(things):
                group.create_task(work())
            await asyncio.sleep(0)
            opened.set_result(None)
            await closes
            for each in end:
                each.set_result(None)

    owning = loop.create_task(owner())
    loop.run_until_complete(opened)
    yield
    closes.set_result(None)
    loop.run_until_complete(owning)
    loop.close()
    yield


SHAPES: dict[str, Shape] = {
    "bare list and cancel()": bare,
    "bare again": bare,
    "AsyncExitStack": stack,
    "Scope.call_later": scope,
    "Deferred.fromCoroutine": bare_tasks,
    "Scope.start": scope_tasks,
}
if hasattr(asyncio, "TaskGroup"):
    SHAPES["asyncio.TaskGroup"] = group_tasks


def timed(shape: Shape, things: int) -> tuple[float, float]:
    """Seconds to open, and to close."""
    running = shape(things)
    begun = time.process_time()
    next(running)
    opened = time.process_time()
    next(running)
    closed = time.process_time()
    running.close()
    reactor.runUntilCurrent()  # lets go of what was cancelled
    return opened - begun, closed - opened


def weighed(shape: Shape, things: int) -> float:
    """Bytes that a thing takes while it is open, itself included."""
    running = shape(things)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    next(running)
    gc.collect()
    size = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    next(running)
    running.close()
    reactor.runUntilCurrent()
    return size / things


def main(rounds: int = 15, things: int = 100_000) -> int:
    opens: dict[str, list[float]] = {name: [] for name in SHAPES}
    closes: dict[str, list[float]] = {name: [] for name in SHAPES}
    size = {name: weighed(shape, things // 10) for name, shape in SHAPES.items()}
    names = list(SHAPES)
    for number in range(rounds):
        for name in names if number % 2 else reversed(names):
            gc.collect()
            opened, closed = timed(SHAPES[name], things)
            opens[name].append(opened)
            closes[name].append(closed)
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"CPython {version}, Twisted {twisted_version}, {rounds} rounds of {things} things")
    print(f"  {'':24s} {'open us':>8s} {'close us':>9s} {'x bare':>7s} {'bytes':>6s}")
    base = statistics.median(closes["bare list and cancel()"])
    ratios = {name: statistics.median(times) / base for name, times in closes.items()}
    for name in names:
        each = [statistics.median(times[name]) / things * 1e6 for times in (opens, closes)]
        print(f"  {name:24s} {each[0]:8.2f} {each[1]:9.2f} {ratios[name]:7.2f} {size[name]:6.0f}")
    ours = ratios["Scope.call_later"]
    kept = ours <= BARE and ours < ratios["AsyncExitStack"]
    print(f"  closing <= {BARE:g} x bare and below AsyncExitStack: {'kept' if kept else 'MISSED'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
