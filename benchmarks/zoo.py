"""
The zoo: programs that leak, and programs that only look like it, each under the real plugin.

Run ``python benchmarks/zoo.py [--python EXE] [--jobs 2] [--snapshots 40] [--times 1] [names]``.
Names are those of files in ``tests/zoo``, without ``.tac``, or paths of others. Each program is run
until so many snapshots were taken; those that leak a second time, cured. What the last report
proves counts. A line for each run says

*found*: leaks proven, of those planted, and after how many snapshots all of them were;
*named*: for how many the edge that should be cut is among the suspects;
*withdrawn*: what an earlier report proved, and the last one does not; and
*others*: how many types three other tools accuse, asked on the same snapshots: ``judge_types.py``,
``judge_peaks.py`` and ``judge_live.py`` say by which rules.

``--times`` runs all of it again, and compares the verdicts. Exits with 1 when fewer than 95 % of
the leaks are found, anything is accused that is none, or two runs differ.
"""

from __future__ import annotations

import argparse
import glob
import os
import signal
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from judge_live import accused_classes
from judge_peaks import accused_by_peaks
from judge_types import Table, accused_types

from tests.zoo.running import Exhibit, exhibits, visit
from tests.zoo.verdicts import Verdict, judge
from txresource.heap.paths import count_kinds
from txresource.heap.whole import GARBAGE
from txresource.leaks.frozen import decode_heap

LEAST_RECALL = 0.95
JUDGES = ("pympler.tracker", "objgraph.growth", "live objects")


@dataclass(frozen=True, slots=True)
class Result:
    """One run: our verdict, and how many types each of the others accuses."""

    verdict: Verdict
    others: tuple[int, ...]


def read_tables(folder: str) -> list[Table]:
    """
    What there was after each quarter of the run, by type.

    Without the garbage: the others collect before they count.
    """
    files = sorted(glob.glob(os.path.join(folder, "*")))
    tables = []
    for quarter in range(1, 5):
        heap = decode_heap(Path(files[len(files) * quarter // 4 - 1]).read_bytes())
        garbage = count_kinds(row for row in heap.rows if row.path[0].edge == GARBAGE)
        table = {}
        for row in heap.census.rows:
            count, size = garbage.get(row.type_name, (0, 0))
            table[row.type_name] = (row.count - count, row.size - size)
        tables.append(table)
    return tables


def run(exhibit: Exhibit, cured: bool, snapshots: int, python: str) -> Result:
    """Run a program once, and judge it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as history:
        seen = visit(exhibit, cured=cured, snapshots=snapshots, python=python, history=history)
        tables = read_tables(history)
    accused = (
        accused_types(tables),
        accused_by_peaks(tables),
        accused_classes(tables, exhibit.path),
    )
    return Result(judge(seen), tuple(len(each) for each in accused))


def say(result: Result) -> None:
    """Print the line of one run."""
    verdict = result.verdict
    found = f"{verdict.found}/{verdict.planted}" if verdict.planted else "-"
    after = f"after {verdict.after}" if verdict.after else ""
    named = f"named {verdict.named}" if verdict.planted else ""
    others = " ".join(f"{count:3}" for count in result.others)
    print(f"{verdict.name:34} {found:>4} {after:9} {named:8} others {others}", flush=True)
    for title in verdict.false:
        print(f"    FALSE: {title}")
    for title in verdict.withdrawn:
        print(f"    withdrawn: {title}")


def sum_up(results: list[Result]) -> bool:
    """Print what it comes to; whether it is good enough."""
    verdicts = [result.verdict for result in results]
    planted = sum(verdict.planted for verdict in verdicts)
    found = sum(verdict.found for verdict in verdicts)
    named = sum(verdict.named for verdict in verdicts)
    healthy = [verdict for verdict in verdicts if not verdict.planted]
    false = sum(bool(verdict.false) for verdict in healthy)
    withdrawn = sum(len(verdict.withdrawn) for verdict in verdicts)
    spans = [span for verdict in verdicts for span in verdict.spans]
    after = [verdict.after for verdict in verdicts if verdict.after]
    recall, precision = found / max(planted, 1), found / max(found + false, 1)
    print(
        f"{planted} leaks in {len(verdicts) - len(healthy)} programs, {len(healthy)} that have none"
    )
    print(f"recall {recall:.3f}, precision {precision:.3f}, alarms withdrawn {withdrawn}")
    print(f"culprit edge among the suspects: {named / max(planted, 1):.3f}", end="")
    print(f", suspects {statistics.median(spans)}" if spans else "", end="")
    print(f", proven after {statistics.median(after):.0f}, at most {max(after)}" if after else "")
    for number, name in enumerate(JUDGES):
        sum_up_other(name, [(result.verdict, result.others[number]) for result in results])
    return recall >= LEAST_RECALL and not false


def sum_up_other(name: str, counts: list[tuple[Verdict, int]]) -> None:
    """Print what one of the others comes to: any type that it accuses finds a leak."""
    leaking = [count for verdict, count in counts if verdict.planted]
    healthy = [count for verdict, count in counts if not verdict.planted]
    right, wrong = sum(map(bool, leaking)), sum(map(bool, healthy))
    print(
        f"beside it {name}: recall {right / max(len(leaking), 1):.3f},"
        f" precision {right / max(right + wrong, 1):.3f},"
        f" {statistics.mean(leaking + healthy):.1f} types accused in a run; no edge"
    )


def read_arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description="Run the zoo under the real plugin.")
    parser.add_argument("--python", default=sys.executable, help="the interpreter")
    parser.add_argument("--jobs", type=int, default=2, help="how many programs run at a time")
    parser.add_argument("--snapshots", type=int, default=40, help="so many of each program")
    parser.add_argument("--times", type=int, default=1, help="run all of it so many times")
    parser.add_argument("names", nargs="*", help="programs; none: all of them")
    return parser.parse_args()


def main() -> None:
    """Run the zoo."""
    # At once: the pool would first wait for its programs, which are ended with us.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    options = read_arguments()
    chosen = exhibits(options.names)
    runs = [
        (each, cured) for each in chosen for cured in ([False, True] if each.leaks else [False])
    ]
    good, known, began = True, {}, time.monotonic()
    for number in range(options.times):
        results = []
        with ThreadPoolExecutor(options.jobs) as pool:
            waiting = [pool.submit(run, *each, options.snapshots, options.python) for each in runs]
            for each in waiting:
                results.append(each.result())
                say(results[-1])
        good &= sum_up(results)
        for verdict in (result.verdict for result in results):
            same = (verdict.found, bool(verdict.false))
            if known.setdefault(verdict.name, same) != same:
                print(f"{verdict.name}: another verdict in run {number + 1}")
                good = False
    print(f"{len(runs) * options.times} runs in {time.monotonic() - began:.0f} s")
    sys.exit(not good)


if __name__ == "__main__":
    main()
