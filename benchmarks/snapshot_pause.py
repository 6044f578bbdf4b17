"""How long a snapshot holds up the reactor, beside a bare fork and what others do in the process.

Usage: python benchmarks/snapshot_pause.py [--rounds N] [--many N] [MILLIONS ...]

For each size a process of its own fills its heap and runs a ticker that is
due every millisecond and allocates, with the collector on. In turns it is left
alone, meets a bare ``os.fork()`` whose child lives for a while, meets a
snapshot, and meets one in care, with its line in the log, its report and its
history. Then Pympler, objgraph and guppy3, where they are installed, do their
work in the process. A round counts by the worst tick in it, a variant by the
median of its rounds; the worst round is printed beside, and so are two halves
of the undisturbed rounds, which say how far to trust the rest. What a fork or
a snapshot adds is the difference to the undisturbed worst tick, which is the
timer's own error. Beside stands the most CPU that a turn of the reactor used,
which is right on a busy machine, too.

Then a process with a small heap takes many snapshots in care, and says what
they have left in it. Exits with 1 when a budget is missed.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections import deque
from statistics import median
from typing import Any

from in_process import MISSING, TOOLS
from proc import Proc, settled
from records import fill
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import globalLogBeginner, textFileLogObserver

from txresource import CareService
from txresource.leaks.snapshots import Snapshot, SnapshotTaker

TICK = 0.001
FORKS = 2.0
PYMPLER = 1 / 300
CPU_PER_MILLION = 4.0
#: What a snapshot is refused without, to the memory of the process.
MEMORY = 1.5
MILLISECONDS = 1000
MIB = 2**20
#: Seconds that the child of a bare fork lives at most.
FORK_LIFE = 3.0
#: What many snapshots may leave: MiB, and blocks of Python's allocator.
KEPT, BLOCKS = 1.0, 1000
#: Snapshots before that is looked at.
WARM_UP = 50


class Care:
    """A program in care, with a report and a history, that takes a snapshot when it is told."""

    def __init__(self, reactor: Any) -> None:
        folder = tempfile.mkdtemp(prefix="snapshot-pause-")
        atexit.register(shutil.rmtree, folder)
        report = os.path.join(folder, "report.json")
        self.service = CareService(reactor, interval=0, report=report, history=folder)
        self.monitor = self.service._monitor

    async def snapshot(self) -> Snapshot:
        """What its timer does; the report is written when this is done."""
        snapshot: Snapshot | None = await self.monitor.snapshot()
        if snapshot is None:
            raise RuntimeError("a snapshot was lost")
        return snapshot


class Ticker:
    """Is due every millisecond, allocates, and remembers its worst delay.

    And the most CPU that was used between two ticks, in which no other process
    has a part: on a machine that has much else to do look at that.
    """

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.ring: deque[list[int]] = deque(maxlen=20_000)
        self.worst = self.worst_cpu = 0.0
        self.due = self.cpu = 0.0

    def start(self) -> None:
        """Begin to tick."""
        self.due = time.perf_counter() + TICK
        self.reactor.callLater(TICK, self.tick)

    def tick(self) -> None:
        """Note the delay, allocate, and be due again."""
        now = time.perf_counter()
        cpu = time.thread_time()
        self.worst = max(self.worst, now - self.due)
        self.worst_cpu = max(self.worst_cpu, cpu - self.cpu)
        self.cpu = cpu
        self.ring.extend([n] for n in range(100))
        self.start()

    def read(self) -> tuple[float, float]:
        """The worst delay since the last reading, and the most CPU, in milliseconds."""
        worst = self.worst * MILLISECONDS, self.worst_cpu * MILLISECONDS
        self.worst = self.worst_cpu = 0.0
        return worst


Ticks = list[tuple[float, float]]


class Bench:
    """All measurements of one process."""

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.ticker = Ticker(reactor)
        self.taker = SnapshotTaker(reactor, deadline=300.0)
        self.in_care = Care(reactor)
        self.forks: list[float] = []
        self.snapshots: list[Snapshot] = []
        self.length = 0.5
        self.variants = {
            "alone": self.alone,
            "a bare fork": self.fork,
            "a snapshot": self.snapshot,
            "a snapshot in care": self.care,
        }
        self.ticks: dict[str, Ticks] = {name: [] for name in [*self.variants, *TOOLS]}

    async def alone(self) -> None:
        """Nothing but the ticker."""
        await deferLater(self.reactor, min(self.length, FORK_LIFE))

    async def fork(self) -> None:
        """A bare fork; its child sleeps for a while."""
        start = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            time.sleep(min(self.length, FORK_LIFE))
            os._exit(0)
        self.forks.append(time.perf_counter() - start)
        while not os.waitpid(pid, os.WNOHANG)[0]:
            await deferLater(self.reactor, 0.01)

    async def snapshot(self) -> None:
        """A snapshot, and nothing that is made of it."""
        start = time.perf_counter()
        self.snapshots.append(await self.taker.take())
        self.length = time.perf_counter() - start

    async def care(self) -> None:
        """A snapshot as a service has it."""
        self.snapshots.append(await self.in_care.snapshot())

    async def measure(self, rounds: int, times: int) -> None:
        """All variants in turns, of which the first does not count; then the other tools."""
        self.ticker.start()
        for count in range(rounds + 1):
            for name, variant in self.variants.items():
                await deferLater(self.reactor, 0.1)
                self.ticker.read()
                await variant()
                await deferLater(self.reactor, 0.02)
                if count:
                    self.ticks[name].append(self.ticker.read())
        for name, prepare in TOOLS.items():
            tool = prepare()
            for _ in range(times):
                await deferLater(self.reactor, 0.1)
                self.ticker.read()
                tool()
                await deferLater(self.reactor, 0.02)
                self.ticks[name].append(self.ticker.read())


def show(text: str, values: list[float], unit: str = "ms") -> None:
    """Print the median and the worst of some values."""
    print(f"  {text:<38} {median(values):9.2f} {unit}   worst {max(values):9.2f}")


def show_ticks(text: str, ticks: Ticks) -> None:
    """Print the delays of a variant, and the CPU of its worst turns."""
    delays, cpus = zip(*ticks, strict=True)
    print(
        f"  {text:<38} {median(delays):9.2f} ms   worst {max(delays):9.2f}"
        f"   CPU {median(cpus):9.2f} ms   worst {max(cpus):9.2f}"
    )


def judge(text: str, value: float, limit: float, unit: str = "ms") -> bool:
    """Print a budget and whether it is kept."""
    good = value <= limit
    print(
        f"  {'kept  ' if good else 'MISSED'} {text}: {value:.2f} {unit}, budget {limit:.2f} {unit}"
    )
    return good


def report(bench: Bench) -> bool:
    """Print all numbers; whether every budget is kept."""
    forks = [f * MILLISECONDS for f in bench.forks[1:]]
    shots = bench.snapshots[2:]
    show_ticks("worst tick, undisturbed, even rounds", bench.ticks["alone"][::2])
    show_ticks("worst tick, undisturbed, odd rounds", bench.ticks["alone"][1::2])
    for name in [*list(bench.variants)[1:], *TOOLS]:
        show_ticks(f"worst tick with {name}", bench.ticks[name])
    for line in MISSING:
        print(f"  {line}")
    show("the call of a bare fork", forks)
    show("the pause that the snapshot tells", [s.pause * MILLISECONDS for s in shots])
    show("CPU of the child, per million", [s.child_cpu / s.gc_objects * 1e6 for s in shots], "s ")
    show("memory of the child", [(s.child_memory or 0) / MIB for s in shots], "MB")
    show("memory of the process", [s.rss / MIB for s in shots], "MB")
    print(f"  objects tracked {shots[-1].gc_objects:,}, counted {shots[-1].census.objects:,}")
    return budgets(bench, median(forks), shots)


def budgets(bench: Bench, fork: float, shots: list[Snapshot]) -> bool:
    """Print what is bounded; whether all of it is kept."""
    worst = {name: median(delay for delay, _ in ticks) for name, ticks in bench.ticks.items()}
    used = {name: median(cpu for _, cpu in ticks) for name, ticks in bench.ticks.items()}
    kept = []
    for name in ("a snapshot", "a snapshot in care"):
        added = worst[name] - worst["alone"]
        kept.append(judge(f"added by {name}, to 2 bare forks", added, FORKS * fork))
        kept.append(judge("the same, to Pympler / 300", added, worst["Pympler's diff"] * PYMPLER))
        more = used[name] - used["alone"], FORKS * (used["a bare fork"] - used["alone"])
        kept.append(judge("CPU in the worst turn, to 2 bare forks", *more))
    cpu = median(s.child_cpu / s.gc_objects * 1e6 for s in shots)
    memory = median((s.child_memory or 0) / s.rss for s in shots)
    kept.append(judge("CPU of the child per million", cpu, CPU_PER_MILLION, "s"))
    kept.append(judge("memory of the child to the process", memory, MEMORY, "x"))
    return all(kept)


async def take_many(reactor: Any, count: int) -> bool:
    """Take many snapshots; whether they left nothing."""
    care, proc = Care(reactor), Proc(os.getpid())
    readings = []
    for number in range(WARM_UP + count):
        await care.snapshot()
        if number + 1 in (WARM_UP, WARM_UP + count):
            gc.collect()
            readings.append((proc.rss() / MIB, sys.getallocatedblocks(), proc.descriptors()))
    (rss, blocks, descriptors), (more_rss, more_blocks, more_descriptors) = readings
    print(f"{count:,} snapshots in care: {rss:.1f} MiB and {blocks:,} blocks before")
    return all(
        [
            judge("memory more", more_rss - rss, KEPT, "MiB"),
            judge("blocks more", more_blocks - blocks, BLOCKS, ""),
            judge("descriptors more", more_descriptors - descriptors, 0, ""),
            judge("children left", settled(lambda: len(proc.children()), 0), 0, ""),
        ]
    )


async def one_size(reactor: Any, millions: float, rounds: int) -> bool:
    """Measure one size; whether every budget is kept."""
    kept = fill(int(millions * 1e6))
    bench = Bench(reactor)
    await bench.measure(rounds, 3 if millions <= 1 else 1)
    print(f"{millions} million objects, {rounds} rounds, CPython {sys.version.split()[0]}")
    return report(bench) and bool(kept)


def run_here(millions: float, options: argparse.Namespace) -> int:
    """Measure in this process."""
    from twisted.internet import reactor

    warnings.simplefilter("ignore", DeprecationWarning)
    results: list[bool] = []

    def run() -> None:
        work = one_size(reactor, millions, options.rounds)
        done = Deferred.fromCoroutine(work if millions else take_many(reactor, options.many))
        done.addCallbacks(results.append, lambda failure: failure.printTraceback(sys.__stderr__))
        done.addBoth(lambda _: reactor.stop())  # type: ignore[attr-defined]

    with open(os.devnull, "w") as nowhere:  # a log is a part of what a service has
        globalLogBeginner.beginLoggingTo([textFileLogObserver(nowhere)], redirectStandardIO=False)
        reactor.callWhenRunning(run)  # type: ignore[attr-defined]
        reactor.run()  # type: ignore[attr-defined]
    return 0 if results == [True] else 1


def main() -> int:
    """Measure each size in a process of its own, and the many snapshots in one more."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("millions", nargs="*", type=float, default=[0.1, 1.0, 3.0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--many", type=int, default=1000, help="0: leave them out")
    parser.add_argument("--here", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here is not None:
        return run_here(options.here, options)
    missed = 0
    for millions in [*options.millions, *[0.0] * bool(options.many)]:
        arguments = [f"--here={millions}", f"--rounds={options.rounds}", f"--many={options.many}"]
        missed |= subprocess.run([sys.executable, __file__, *arguments], check=False).returncode
    return missed


if __name__ == "__main__":
    sys.exit(main())
