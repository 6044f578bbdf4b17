"""
How well growth is told from noise: many synthetic counts, judged as a service's are.

    python benchmarks/growth.py [SEEDS [NOISY SNAPSHOTS [FIRST_SEED]]]

Prints for each kind of leak the share that is proven at snapshot 40 and the middle snapshot of
the first proof; for each kind of healthy count the share that is proven at snapshot 40, and that
was ever; and the noisy ones of many that were ever called a leak, without connections and beside
those of days and nights. Exits with 1 where recall is below 0.95, where anything healthy is proven
in the end, or more than one noisy one of a thousand ever, but for those that docs/growth.rst names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path as FilePath
from random import Random
from statistics import median

sys.path.insert(0, str(FilePath(__file__).resolve().parent.parent))

from tests.growthnoise import ONCE_ACCUSED, day, noise
from tests.growthseries import Case, frozen, healthy, leaks, path_of, proven_at
from txresource.leaks.growth import GrowthHistory

SNAPSHOTS = 40


def table(title: str, cases: Callable[[Random, int], Iterator[Case]], seeds: range) -> float:
    """Print a line for each kind of case; the share proven at the end, over all."""
    found: dict[str, list[list[int]]] = {}
    for seed in seeds:
        for case in cases(Random(seed), SNAPSHOTS):
            found.setdefault(case.name, []).append(proven_at(case))
    print(f"{title:36} {'at 40':>6} {'ever':>6} {'first':>6}")
    for name, runs in found.items():
        firsts = [run[0] for run in runs if run]
        first = f"{median(firsts):.0f}" if firsts else "-"
        ever = len(firsts) / len(runs)
        print(f"{name:36} {_at_end(runs):6.2f} {ever:6.2f} {first:>6}")
    every = [run for runs in found.values() for run in runs]
    print(f"{'all':36} {_at_end(every):6.4f}\n")
    return _at_end(every)


def _at_end(runs: list[list[int]]) -> float:
    return sum(SNAPSHOTS in run for run in runs) / len(runs)


def false_alarms(series: int, snapshots: int, seed: int, loaded: bool) -> int:
    """How many of some noisy counts are ever called a leak."""
    random, history, accused = Random(seed), GrowthHistory(), set()
    load = day(random, snapshots) if loaded else None
    kinds = noise(random, series, snapshots, load)
    counts = {path_of(f"Noise{n}"): each for n, (_, each) in enumerate(kinds)}
    for number in range(snapshots):
        now = ((path, each[number], 64 * each[number]) for path, each in counts.items())
        history.update(frozen(60.0 * number, now, load[number] if load else None))
        accused.update(finding.path for finding in history.findings().proven)
    where = "beside connections" if loaded else "without connections"
    print(
        f"{len(accused)} of {series} noisy counts were called a leak {where}, in {snapshots} snapshots"
    )
    found = [kind for path, (kind, _) in zip(counts, kinds, strict=True) if path in accused]
    judged = sum(kind not in ONCE_ACCUSED for kind in found)
    for kind in sorted(set(found)):
        print(f"  {kind}: {found.count(kind)} of {sum(kind == each for each, _ in kinds)}")
    print(f"the history is {len(history.encode()):,} bytes")
    print(f"{judged} of these are counted: the others docs/growth.rst names")
    return judged


def main() -> int:
    """Measure, print, and say whether all is within bounds."""
    given = [int(each) for each in sys.argv[1:]]
    seeds, series, snapshots, first = given + [20, 1000, 500, 0][len(given) :]
    chosen = range(first, first + seeds)
    recall = table("leaks", leaks, chosen)
    alarms = table("healthy", healthy, chosen)
    found = [false_alarms(series, snapshots, first, loaded) for loaded in (False, True)]
    return 0 if recall >= 0.95 and alarms == 0 and max(found) * 1000 <= series else 1


if __name__ == "__main__":
    raise SystemExit(main())
