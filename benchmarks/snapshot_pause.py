"""How long a snapshot holds up the reactor, beside a bare fork and Pympler.

Usage: python benchmarks/snapshot_pause.py [--rounds N] [MILLIONS ...]

For each size a process of its own fills its heap and runs a ticker that is
due every millisecond and allocates, with the collector on. In turns it is left
alone, meets a bare ``os.fork()`` whose child lives as long as ours, and meets
a snapshot; then Pympler's tracker does its work in the process. A round counts
by the worst tick in it, a variant by the median of its rounds; the worst round
is printed beside, and so are two halves of the undisturbed rounds, which say
how far to trust the rest. What a fork or a snapshot adds is the difference to
the undisturbed worst tick, which is the timer's own error.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import warnings
from collections import deque
from statistics import median
from typing import Any

from pympler import tracker
from records import fill
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from txresource.leaks.snapshots import Snapshot, SnapshotTaker

TICK = 0.001
FORKS = 2.0
PYMPLER = 1 / 300
CPU_PER_MILLION = 4.0
MILLISECONDS = 1000


class Ticker:
    """Is due every millisecond, allocates, and remembers its worst delay."""

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.ring: deque[list[int]] = deque(maxlen=20_000)
        self.worst = 0.0
        self.due = 0.0

    def start(self) -> None:
        """Begin to tick."""
        self.due = time.perf_counter() + TICK
        self.reactor.callLater(TICK, self.tick)

    def tick(self) -> None:
        """Note the delay, allocate, and be due again."""
        now = time.perf_counter()
        self.worst = max(self.worst, now - self.due)
        self.ring.extend([n] for n in range(100))
        self.start()

    def read(self) -> float:
        """The worst delay since the last reading, in seconds."""
        worst, self.worst = self.worst, 0.0
        return worst


class Bench:
    """All measurements of one process."""

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.ticker = Ticker(reactor)
        self.taker = SnapshotTaker(reactor, deadline=300.0)
        self.length = 0.5
        self.forks: list[float] = []
        self.snapshots: list[Snapshot] = []
        self.delays: dict[str, list[float]] = {"alone": [], "fork": [], "snapshot": []}

    async def alone(self) -> None:
        """Nothing but the ticker."""
        await deferLater(self.reactor, self.length)

    async def fork(self) -> None:
        """A bare fork; its child sleeps as long as ours works."""
        start = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            time.sleep(self.length)
            os._exit(0)
        self.forks.append(time.perf_counter() - start)
        while not os.waitpid(pid, os.WNOHANG)[0]:
            await deferLater(self.reactor, 0.01)

    async def snapshot(self) -> None:
        """A snapshot as a service has it."""
        start = time.perf_counter()
        self.snapshots.append(await self.taker.take())
        self.length = time.perf_counter() - start

    async def measure(self, rounds: int) -> None:
        """All variants in turns; the first turn does not count."""
        self.ticker.start()
        for count in range(rounds + 1):
            for name in self.delays:
                await deferLater(self.reactor, 0.1)
                self.ticker.read()
                await getattr(self, name)()
                await deferLater(self.reactor, 0.02)
                if count:
                    self.delays[name].append(self.ticker.read())


def pympler_diff(times: int) -> float:
    """The median time of Pympler's own difference in this process, in seconds."""
    track = tracker.SummaryTracker()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        track.diff()
        taken.append(time.perf_counter() - start)
    return median(taken)


def show(text: str, values: list[float], unit: str = "ms") -> None:
    """Print the median and the worst of some values."""
    print(f"  {text:<46} {median(values):9.2f} {unit}   worst {max(values):9.2f}")


def judge(text: str, value: float, limit: float, unit: str = "ms") -> bool:
    """Print a budget and whether it is kept."""
    good = value <= limit
    print(
        f"  {'kept  ' if good else 'MISSED'} {text}: {value:.2f} {unit}, budget {limit:.2f} {unit}"
    )
    return good


def report(bench: Bench, pympler: float, objects: int) -> bool:
    """Print all numbers; whether every budget is kept."""
    delays = {name: [d * MILLISECONDS for d in ds] for name, ds in bench.delays.items()}
    forks = [f * MILLISECONDS for f in bench.forks[1:]]
    shots = bench.snapshots[1:]
    cpu = [s.child_cpu / (s.gc_objects / 1e6) for s in shots]
    show("worst tick, undisturbed, even rounds", delays["alone"][::2])
    show("worst tick, undisturbed, odd rounds", delays["alone"][1::2] or delays["alone"])
    show("worst tick with a bare fork", delays["fork"])
    show("worst tick with a snapshot", delays["snapshot"])
    show("the call of a bare fork", forks)
    show("the pause that the snapshot tells", [s.pause * MILLISECONDS for s in shots])
    show("Pympler's diff in the process", [pympler * MILLISECONDS])
    show("CPU of the child, per million", cpu, "s ")
    show("memory of the child", [(s.child_memory or 0) / 2**20 for s in shots], "MB")
    show("memory of the process", [s.rss / 2**20 for s in shots], "MB")
    print(f"  objects tracked {shots[-1].gc_objects:,}, counted {shots[-1].census.objects:,}")
    noise = median(delays["alone"])
    added = median(delays["snapshot"]) - noise
    print(
        f"  a bare fork adds {median(delays['fork']) - noise:.2f} ms to the undisturbed worst tick"
    )
    return all(
        [
            judge("added by a snapshot, to 2 bare forks", added, FORKS * median(forks)),
            judge("the same, to Pympler / 300", added, pympler * MILLISECONDS * PYMPLER),
            judge("CPU of the child per million", median(cpu), CPU_PER_MILLION, "s"),
        ]
    )


def one_size(millions: float, rounds: int) -> int:
    """Measure in this process."""
    from twisted.internet import reactor

    warnings.simplefilter("ignore", DeprecationWarning)
    objects = int(millions * 1e6)
    kept = fill(objects)
    bench = Bench(reactor)
    troubles: list[Any] = []

    def run() -> None:
        done = Deferred.fromCoroutine(bench.measure(rounds))
        done.addErrback(lambda failure: troubles.append(failure.printTraceback()))
        done.addBoth(lambda _: reactor.stop())  # type: ignore[attr-defined]

    reactor.callWhenRunning(run)  # type: ignore[attr-defined]
    reactor.run()  # type: ignore[attr-defined]
    if troubles:
        return 1
    print(f"{millions} million objects, {rounds} rounds, CPython {sys.version.split()[0]}")
    good = report(bench, pympler_diff(3 if millions <= 1 else 1), objects)
    return 0 if good and kept else 1


def main() -> int:
    """Measure each size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("millions", nargs="*", type=float, default=[0.1, 1.0, 3.0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        return one_size(options.millions[0], options.rounds)
    missed = 0
    for millions in options.millions:
        command = [
            sys.executable,
            __file__,
            "--here",
            "--rounds",
            str(options.rounds),
            str(millions),
        ]
        missed |= subprocess.run(command, check=False).returncode
    return missed


if __name__ == "__main__":
    sys.exit(main())
