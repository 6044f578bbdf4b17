"""
A clean web server in care, asked a million times: what is proven, what it grows by, what it costs.

Run ``python benchmarks/soak_web.py [--requests N] [--litters N] [--interval S] [web] [klein]``. Of
each kind, ``twisted.web`` and Klein, the same application is run by ``twistd -y``, and by the
plugin with snapshots and a report. Of the requests some fail, and some lose their client
(``soak_web_client.py``). Two parts.

*Cost*: litters of three fresh processes, two plain ones and one in care, that get the same requests
a few at a time, in turns: one process of the same program may well be 3 % slower than the next for
as long as it lives. Told is the CPU of a request in care to that of the mean of the plain ones,
and of one plain one to the other, as the median of the litters, with the quartiles. Then the one in
care takes snapshots under load: what each costs the server, until its child has ended, is spread
over the time from one to the next and added. The CPU of the children is told apart.

*Endurance*: one process of each gets so many requests. Told are their memory, their descriptors
and dead children, and whatever a report has called a leak or growing at any time.

Memory, CPU, descriptors and dead children are those that the kernel has of the server, read at
counts of requests.

Exits with 1 when a report called anything a leak, when the memory of the server in care grew by
more than 1 MiB per 250,000 requests in the second half, when a request cost it more than 1.02
times its CPU, when a snapshot was lost, or when it kept a descriptor or a dead child.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import linear_regression, median, quantiles
from typing import Any

from proc import Proc, settled, steady
from soak_web_client import MIX, Load
from twisted.copyright import version as twisted_version

ROOT = Path(__file__).resolve().parent.parent
SERVER = ROOT / "benchmarks" / "soak_web_server.py"
TWISTD = "from twisted.scripts.twistd import run; run()"
MIB = 2**20
#: Bounds: MiB per so many requests, and CPU of a request to that of the plain server.
GROWTH, PER = 1.0, 250_000
COST = 1.02
#: Requests before anything is measured.
WARM_UP = 2000
SEED = 5
#: Requests of a turn in a litter; snapshots of each; readings of the memory.
SLICE, SNAPSHOTS, READINGS = 200, 4, 100
PLAIN = ("-y", str(SERVER))


class Server:
    """
    One server in a process of its own, its client, and what was read of it.

    :param name: what the table calls it.
    :param kind: ``web`` or ``klein``.
    :param arguments: what twistd gets.
    """

    def __init__(self, name: str, kind: str, connections: int, *arguments: str) -> None:
        self.name = name
        self.folder = tempfile.mkdtemp(prefix="soak-")
        self.start(kind, connections, *arguments)

    def start(self, kind: str, connections: int, *arguments: str) -> None:
        """Start it, and wait until it listens."""
        reading, tell = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", TWISTD, "--nodaemon", "--pidfile=", *arguments],
            env=os.environ | {"SOAK_SERVER": kind, "SOAK_TELL": str(tell), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            pass_fds=[tell],
            cwd=self.folder,
        )
        atexit.register(self.process.kill)  # nothing where it has ended
        os.close(tell)
        with open(reading) as told:
            port = told.readline()
        if not port:
            raise SystemExit(f"the server {self.name} has not started")
        self.proc = Proc(self.process.pid)
        self.load = Load(int(port), connections, SEED)
        self.requests = 0
        self.cpu: list[float] = []
        self.seconds = 0.0
        #: Requests so far, and MiB.
        self.memory: list[tuple[int, float]] = []

    def warm_up(self) -> None:
        """Let it do everything, and note what it has when nobody is connected."""
        self.load.run(WARM_UP)
        self.load.close()
        self.descriptors = steady(self.open)
        self._children = self.proc.children_cpu()

    def round(self, requests: int) -> None:
        """Ask, and read."""
        cpu, begun = self.proc.cpu(), time.monotonic()
        self.load.run(requests)
        self.cpu.append(self.proc.cpu() - cpu)
        self.seconds += time.monotonic() - begun
        self.requests += requests

    def weigh(self) -> None:
        """Read its memory."""
        self.memory.append((self.requests, self.proc.rss() / MIB))

    def open(self) -> int:
        """How many descriptors it has, but for the pipe of a child that looks on."""
        return self.proc.descriptors() - len(self.proc.children())

    def left(self) -> int:
        """How many descriptors it has more than before, some time after its clients have gone."""
        return settled(self.open, self.descriptors) - self.descriptors

    def slope(self) -> float:
        """MiB per 250,000 requests in the second half."""
        half = self.memory[len(self.memory) // 2 :]
        return linear_regression(*zip(*half, strict=True)).slope * PER

    def end(self) -> None:
        """Stop it."""
        self.load.close()
        self.children_cpu = self.proc.children_cpu() - self._children
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.ended()
        shutil.rmtree(self.folder)

    def ended(self) -> None:
        """Its process is gone, its folder is still there."""


class InCare(Server):
    """The server in care, and all that its reports have said."""

    def __init__(self, kind: str, connections: int, interval: float) -> None:
        self.accused: dict[str, str] = {}
        self.growing: dict[str, str] = {}
        self.snapshots: dict[str, Any] = {}
        super().__init__("in care", kind, connections, str(interval))

    def start(self, kind: str, connections: int, *arguments: str) -> None:
        self.report = Path(self.folder, "report.json")
        care = ["txresource", f"--interval={arguments[0]}", f"--report={self.report}"]
        care.append(f"--history={self.folder}")
        super().start(kind, connections, *care, f"--application={SERVER}")

    def weigh(self) -> None:
        super().weigh()
        self.read_report()

    def read_report(self) -> None:
        """Remember whatever is called a leak, also where that is taken back later."""
        try:
            report = json.loads(self.report.read_text())
        except FileNotFoundError:  # no snapshot yet
            return
        self.snapshots = report["snapshots"]
        for section, found in (("leaks", self.accused), ("growing", self.growing)):
            for entry in report[section]:
                found[entry["signature"]] = entry["title"]

    def snapshot_cost(self) -> float:
        """
        Seconds of CPU that a snapshot costs the server, its child apart.

        While the child looks on, pages that the server writes to are copied: therefore under
        load, to the end of the child, and less what the same requests use without.
        """
        wanted = self.told() + 1
        self.process.send_signal(signal.SIGUSR2)
        begun, slices = self.proc.cpu(), 0
        while self.told() < wanted or not slices:
            self.load.run(SLICE)
            slices += 1
        with_it = self.proc.cpu() - begun
        self.load.run(SLICE * slices)
        return with_it * 2 - (self.proc.cpu() - begun)

    def lost(self) -> int:
        """How many snapshots were not had."""
        return int(self.snapshots["failed"] + self.snapshots["refused"])

    def told(self) -> int:
        """How many snapshots there were, also those that were lost."""
        self.read_report()
        return sum(self.snapshots.get(name, 0) for name in ("taken", "failed", "refused"))

    def ended(self) -> None:
        self.read_report()


class Litter:
    """What three fresh processes have used for the same requests, and one of them for a snapshot."""

    def __init__(self, kind: str, options: argparse.Namespace, number: int) -> None:
        plain, again = (Server("plain", kind, options.connections, *PLAIN) for _ in range(2))
        care = InCare(kind, options.connections, 0)
        servers = [plain, again, care]
        for server in servers:
            server.warm_up()
        for turn in range(options.cost // SLICE):
            first = (number + turn) % len(servers)
            for server in [*servers[first:], *servers[:first]][:: 1 if turn % 2 else -1]:
                server.round(SLICE)
        used = [sum(server.cpu) / server.requests for server in servers]
        both = (used[0] + used[1]) / 2
        self.plain, self.again, self.care = both, used[1] / used[0], used[2] / both
        self.snapshots = [care.snapshot_cost() for _ in range(SNAPSHOTS)]
        for server in servers:
            server.end()
        self.children = care.children_cpu / SNAPSHOTS
        self.lost = care.lost()


def cost(kind: str, options: argparse.Namespace) -> bool:
    """What a request costs; whether the bound is kept."""
    litters = [Litter(kind, options, number) for number in range(options.litters)]
    plain = median(litter.plain for litter in litters)
    print(
        f" cost: {options.litters} litters, {options.cost:,} requests to each server,"
        f" {plain * 1e6:.0f} us of CPU a request in plain"
    )
    show_spread("plain to plain", [litter.again for litter in litters])
    show_spread("in care to plain", [litter.care for litter in litters])
    snapshots = [taken for litter in litters for taken in litter.snapshots]
    show_spread("ms of CPU for a snapshot", [taken * 1e3 for taken in snapshots])
    show_spread("s of CPU of its child", [litter.children for litter in litters])
    ratio = median(litter.care for litter in litters)
    taken = median(snapshots)
    print(f"  with a snapshot every 60 s under full load: {ratio + taken / 60:.4f} x")
    ratio += taken / options.interval
    text = f"with one every {options.interval:g} s: {ratio:.4f} x the CPU of plain, bound {COST}"
    lost = sum(litter.lost for litter in litters)
    return all([judge(text, ratio <= COST), judge(f"{lost} snapshots lost", not lost)])


def show_spread(name: str, values: list[float]) -> None:
    """Print the median and the quartiles."""
    low, middle, high = quantiles(values, n=4) if len(values) > 1 else values * 3
    print(f"  {name:26s} {middle:8.4f}   quartiles {low:8.4f} {high:8.4f}")


def judge(text: str, kept: bool) -> bool:
    """Print a bound and whether it is kept."""
    print(f"  {'kept  ' if kept else 'BROKEN'} {text}", flush=True)
    return kept


def show(server: Server) -> None:
    """Print a line of the table."""
    each = sum(server.cpu) / server.requests * 1e6
    rate = server.requests / server.seconds
    first, last = server.memory[0][1], server.memory[-1][1]
    half = server.memory[len(server.memory) // 2][1]
    print(
        f"  {server.name:8s} {each:8.1f} {rate:9.0f} {first:8.1f} {half:8.1f} {last:8.1f}"
        f" {server.slope():9.3f} {server.left():9d}"
    )


def endurance(kind: str, options: argparse.Namespace) -> bool:
    """Run so many requests; whether all bounds are kept."""
    plain = Server("plain", kind, options.connections, *PLAIN)
    care = InCare(kind, options.connections, options.interval)
    for server in (plain, care):
        server.warm_up()
    for number in range(READINGS):
        for server in (plain, care)[:: 1 if number % 2 else -1]:
            server.round(options.requests // READINGS)
            server.weigh()
    print(f" endurance: {care.requests:,} requests to each")
    print("             us CPU  a second  MiB: 1st     half     last  per 250k  fds more")
    for server in (plain, care):
        server.load.close()
        show(server)
    zombies = settled(care.proc.zombies, 0)
    left = care.left()
    for server in (plain, care):
        server.end()
    return verdict(care, left, zombies)


def verdict(care: InCare, left: int, zombies: int) -> bool:
    """Print what is bounded; whether all of it is kept."""
    taken, used = care.snapshots, care.children_cpu
    print(
        f"  {taken['taken']} snapshots, worst pause {taken['worst_pause_ms']} ms; their children"
        f" used {used:.1f} s of CPU, {used / care.requests * 1e6:.1f} us a request"
    )
    for title in care.growing.values():
        print(f"  said to be growing at some time: {title}")
    slope = care.slope()
    return all(
        [
            judge("snapshots were taken", taken["taken"] > 0),
            judge(f"called a leak at some time: {list(care.accused.values())}", not care.accused),
            judge(f"{slope:.3f} MiB per {PER:,} requests, bound {GROWTH:g}", slope <= GROWTH),
            judge(f"{left} descriptors more", left <= 0),
            judge(f"{zombies} dead children", not zombies),
            judge(f"{care.lost()} snapshots lost", not care.lost()),
        ]
    )


def main() -> int:
    """Soak what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("kinds", nargs="*", default=["web", "klein"])
    parser.add_argument("--requests", type=int, default=40_000, help="to each, to endure; 0: none")
    parser.add_argument("--cost", type=int, default=10_000, help="to each of a litter")
    parser.add_argument("--litters", type=int, default=5, help="0: leave the cost out")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--interval", type=float, default=5.0)
    options = parser.parse_args()
    shares = ", ".join(f"{kind} {share / 10:g}" for kind, share in MIX.items())
    print(f"requests in per cent: {shares}", flush=True)
    kept = []
    for kind in options.kinds:
        print(
            f"{kind} on {options.connections} connections, a snapshot every {options.interval:g} s,"
            f" CPython {sys.version.split()[0]}, Twisted {twisted_version}",
            flush=True,
        )
        parts = [
            part for part, size in ((cost, options.litters), (endurance, options.requests)) if size
        ]
        kept += [part(kind, options) for part in parts]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
