"""What ``txresource diff A B C`` takes beyond its start-up.

Usage: python benchmarks/snapshot_diff.py [--rounds N]

Three snapshots of a million objects by ten thousand paths each are written, and the command is run
on them, by turns with the same program that only starts. Printed are the medians, in seconds of CPU
and of the clock, and the sizes of the files. Ends with 1 where the difference takes longer than the
budget, in seconds of CPU.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from statistics import median

from txresource.heap.census import Census, Row
from txresource.heap.paths import Path, PathRow, Step, count_kinds
from txresource.leaks.frozen import FrozenHeap, encode_heap

BUDGET = 0.3
PATHS = 10_000
OBJECTS = 1_000_000
_DEEP = 12


def paths() -> list[Path]:
    """Paths of a program with 150 modules, as deep as programs have them."""
    choose = random.Random(1)
    found: list[Path] = [(Step(f"module app{n}", "module"),) for n in range(150)]
    known = set(found)
    while len(found) < PATHS:
        above = choose.choice(found[-2000:])
        edge = choose.choice([f".name{choose.randrange(900)}", "[*]"])
        path = (*above, Step(edge, f"app{choose.randrange(40)}.Kind{choose.randrange(1500)}"))
        if len(path) <= _DEEP and path not in known:
            known.add(path)
            found.append(path)
    return found


def snapshot(number: int, found: list[Path]) -> FrozenHeap:
    """One in which every third path has more than before, and the others go up and down."""
    noise, mean = random.Random(number), OBJECTS // PATHS
    counts = [mean + (number * 5 if n % 3 == 0 else noise.randrange(-20, 20)) for n in range(PATHS)]
    rows = tuple(PathRow(p, count, 80 * count) for p, count in zip(found, counts, strict=True))
    objects, size = sum(counts), 80 * sum(counts)
    kinds = [Row(kind, *amount) for kind, amount in count_kinds(rows).items()]
    census = Census(tuple(kinds), objects, objects // 3, size)
    return FrozenHeap(60.0 * number, 10**8, None, 1, objects // 3, objects, size, rows, census)


def timed(command: list[str]) -> tuple[float, float]:
    """Seconds of CPU and of the clock that a process takes."""
    cpu, clock = os.times(), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    now = os.times()
    used = now.children_user + now.children_system - cpu.children_user - cpu.children_system
    return used, time.perf_counter() - clock


def main() -> int:
    """Measure; 1 where the budget is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        found, names = paths(), []
        for number in range(3):
            names.append(os.path.join(folder, f"{number}.txr.gz"))
            with open(names[-1], "wb") as file:
                file.write(encode_heap(snapshot(number, found)))
            print(f"snapshot {number}: {os.path.getsize(names[-1]):,} bytes")
        start = [sys.executable, "-c", "import txresource.cli"]
        whole = [sys.executable, "-m", "txresource", "diff", *names]
        runs = [(timed(start), timed(whole)) for _ in range(rounds)]

    def middle(which: int, unit: int) -> float:
        return median(run[which][unit] for run in runs)

    cpu, clock = (middle(1, unit) - middle(0, unit) for unit in (0, 1))
    print(f"start-up: {middle(0, 0):.3f} s of CPU, {middle(0, 1):.3f} s")
    print(f"the difference: {cpu:.3f} s of CPU, {clock:.3f} s; budget {BUDGET} s")
    return int(cpu > BUDGET)


if __name__ == "__main__":
    sys.exit(main())
