"""Counts over time, as leaks and as healthy programs have them; all from one seed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from random import Random
from typing import NamedTuple

from txresource.heap.census import Census
from txresource.heap.paths import Path, PathRow, Step
from txresource.leaks.frozen import FrozenHeap
from txresource.leaks.growth import GrowthHistory


class Case(NamedTuple):
    """A number in each of some snapshots, and the open connections."""

    name: str
    counts: Sequence[int]
    load: Sequence[int] | None = None


def path_of(name: str) -> Path:
    """Where a case's objects are."""
    return (Step("module app", "module"), Step(f".{name}", "list"), Step("[*]", f"app.{name}"))


def frozen(
    taken_at: float, counts: Iterable[tuple[Path, int, int]], load: int | None = None
) -> FrozenHeap:
    """A snapshot of some paths, each with its objects and their bytes."""
    rows = tuple(PathRow(path, count, size) for path, count, size in counts if count)
    return FrozenHeap(taken_at, 0, load, 1, 0, 0, 0, rows, Census((), 0, 0, 0))


def proven_at(case: Case, since: int = 1) -> list[int]:
    """The numbers of the snapshots, from a given one on, in which a case counts as a proven leak."""
    history, path, proven = GrowthHistory(), path_of("Thing"), []
    for number, count in enumerate(case.counts, 1):
        load = None if case.load is None else case.load[number - 1]
        history.update(frozen(60.0 * number, [(path, count, 64 * count)], load))
        if number >= since and history.findings().proven:
            proven.append(number)
    return proven


def poisson(random: Random, mean: float) -> int:
    """How often something happens that happens so often in the mean."""
    if mean > 12:
        return max(0, round(random.gauss(mean, math.sqrt(mean))))
    count, left = 0, random.random()
    while left > math.exp(-mean):
        count, left = count + 1, left * random.random()
    return count


def tide(random: Random, snapshots: int, period: float) -> list[float]:
    """Up and down between 0 and 1, from any point on."""
    phase = random.random()
    turns = [2 * math.pi * (number / period + phase) for number in range(snapshots)]
    return [0.5 - 0.5 * math.cos(turn) for turn in turns]


def queue(random: Random, mean: float, life: float, snapshots: int) -> list[int]:
    """Things that come by chance, and each goes by chance."""
    stays, count, counts = math.exp(-1 / life), poisson(random, mean), []
    for _ in range(snapshots):
        if count > 12:
            spread = math.sqrt(count * stays * (1 - stays))
            count = min(count, max(0, round(random.gauss(count * stays, spread))))
        else:
            count = sum(random.random() < stays for _ in range(count))
        count += poisson(random, mean * (1 - stays))
        counts.append(count)
    return counts


def cache(random: Random, entries: int, pace: float, snapshots: int) -> list[int]:
    """Different entries of a cache whose keys are asked for by chance."""
    seen: set[int] = set()
    counts = []
    for _ in range(snapshots):
        seen.update(random.randrange(entries) for _ in range(poisson(random, entries / pace)))
        counts.append(len(seen))
    return counts


def leaks(random: Random, n: int) -> Iterator[Case]:
    """What has to be proven."""
    late = random.randrange(7)
    yield Case("fast", [50 * t for t in range(n)])
    yield Case("fast among noise", [200 + 20 * t + random.randrange(30) for t in range(n)])
    yield Case("one in seven, from zero", [(t + late) // 7 for t in range(n)])
    yield Case("one in seven, among 1,000", [1000 + (t + late) // 7 for t in range(n)])
    yield Case("by chance, one a snapshot", list(accumulate(poisson(random, 1) for _ in range(n))))
    bursts = [random.randrange(5, 50) * (random.random() < 0.5) for _ in range(n)]
    yield Case("in bursts", list(accumulate(bursts)))
    yield Case("behind a cache that fills", [min(1000, 500 * t) + t // 2 for t in range(n)])
    yield Case("slower and slower", [int(300 * math.sqrt(t)) for t in range(n)])
    yield Case("among a queue", [5 * t + each for t, each in enumerate(queue(random, 20, 3, n))])
    for period in (8, 16, 30, 60):
        paces = [5 * (0.2 + 0.8 * each) for each in tide(random, n, period)]
        yield Case(f"at a pace with tides of {period}", [int(x) for x in accumulate(paces)])
    for period in (6, 12, 25):
        load = [poisson(random, 20 + 80 * each) for each in tide(random, n, period)]
        yield Case(f"under tides of {period}", [each + 3 * t for t, each in enumerate(load)], load)
        yield Case(f"beside tides of {period}", list(range(n)), load)
    yield Case(
        "at few connections", [2 * t for t in range(n)], [random.randrange(5) for _ in range(n)]
    )


def healthy(random: Random, n: int) -> Iterator[Case]:
    """What must not be proven: bounds are reached in half of the snapshots."""
    half = n // 2
    yield Case("constant", [7] * n)
    yield Case("noise", [100 + random.randrange(30) for _ in range(n)])
    for entries in (5, 20, 100, 1000):
        for pace in (1, 2, 3):
            yield Case(f"cache of {entries}, {pace}", cache(random, entries, pace, n))
    for bound in (20, 1000):
        yield Case(f"bounded at {bound}", [min(bound, bound * t // half) for t in range(n)])
    for steps in (1, 3):
        at = [random.randrange(n) for _ in range(steps)]
        yield Case(f"doubled {steps} times", [100 * 2 ** sum(t >= a for a in at) for t in range(n)])
    at = [random.randrange(12) for _ in range(6)]
    yield Case("steps at the start", [100 * sum(t >= a for a in at) for t in range(n)])
    for period in (3, 7, 12, 20):
        phase = random.randrange(period)
        yield Case(f"batches of {period}", [5 * ((t + phase) % period) for t in range(n)])
        yield Case(f"tides of {period}", [int(90 * each) for each in tide(random, n, period)])
    yield from _loaded(random, n)


def _loaded(random: Random, n: int) -> Iterator[Case]:
    stay = list(accumulate(poisson(random, 3) for _ in range(n)))
    yield Case("clients that stay", stay, stay)
    yield Case("much for each client that stays", [100 + 5 * each for each in stay], stay)
    yield Case(
        "a little by chance for each", [2 * each + random.randrange(3) for each in stay], stay
    )
    for period in (25, 50, 100, 200):
        tides = tide(random, n, period)
        load = [poisson(random, 20 + 80 * each) for each in tides]
        yield Case(f"with tides of {period}", [7 + 3 * each for each in load], load)
        yield Case(f"after tides of {period}", [0, 0, *load[:-2]], load)
        other = [poisson(random, 20 + 80 * each) for each in tides]
        yield Case(f"much as tides of {period}", other, load)


def noisy(random: Random, n: int) -> list[int]:
    """What goes up and down for ever."""
    if random.random() < 0.15:
        base, spread = random.choice((3, 100, 1000)), random.choice((1, 3, 30))
        return [max(0, base + random.randint(-spread, spread)) for _ in range(n)]
    mean = random.choice((0.3, 1, 3, 10, 30, 100, 1000))
    return queue(random, mean, random.choice((1, 2, 3, 5, 8, 12, 20, 30)), n)
