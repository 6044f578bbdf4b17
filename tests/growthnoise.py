"""Counts that go up and down for ever, as those of real programs do; all from one seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random

from tests.growthseries import cache, noisy, poisson, queue, tide

__all__ = ("ALONE", "ONCE_ACCUSED", "WITH_LOAD", "day", "left", "noise")


def left(random: Random, count: int, life: float) -> int:
    """How many are left after a snapshot, of things that live for so many in the mean."""
    stays = math.exp(-1 / life)
    if count > 12:
        spread = math.sqrt(count * stays * (1 - stays))
        return min(count, max(0, round(random.gauss(count * stays, spread))))
    return sum(random.random() < stays for _ in range(count))


def day(random: Random, n: int) -> list[int]:
    """Connections by day and by night, in a week, a snapshot a minute."""
    most, least = random.choice((30, 80, 400)), random.choice((0.1, 0.3))
    days, weeks = tide(random, n, 1440), tide(random, n, 7 * 1440)
    paces = [least + (1 - least) * each for each in days]
    return [
        poisson(random, most * pace * (0.7 + 0.3 * week))
        for pace, week in zip(paces, weeks, strict=True)
    ]


def _tides(random: Random, n: int) -> list[int]:
    tides = [tide(random, n, random.uniform(2.5, 20)) for _ in range(random.randint(1, 4))]
    sizes = [random.uniform(1, 50) for _ in tides]
    means = [sum(map(float.__mul__, sizes, now)) for now in zip(*tides, strict=True)]
    by_chance = random.random() < 0.5
    return [poisson(random, mean) if by_chance else int(mean) for mean in means]


def _scales(random: Random, n: int) -> list[int]:
    queues = [queue(random, random.choice((1, 10, 100)), life, n) for life in (1, 3, 10, 30)]
    return [sum(now) for now in zip(*queues, strict=True)]


def _cache(random: Random, n: int) -> list[int]:
    return cache(random, random.choice((5, 20, 100, 1000)), random.uniform(0.5, 3), n)


def _expiring(random: Random, n: int) -> list[int]:
    keys, life, pace = random.choice((10, 100)), random.choice((5, 20, 60)), random.uniform(0.5, 3)
    asked: dict[int, int] = {}
    counts = []
    for now in range(n):
        asked.update((random.randrange(keys), now) for _ in range(poisson(random, keys / pace)))
        asked = {key: last for key, last in asked.items() if last > now - life}
        counts.append(len(asked))
    return counts


def _batches(random: Random, n: int) -> Iterator[int]:
    period, uneven, pace = (
        random.randint(3, 18),
        random.randint(0, 2),
        random.choice((0.3, 1, 5, 50)),
    )
    count = rest = 0
    for _ in range(n):
        if not rest:
            count, rest = 0, period + random.randint(-uneven, uneven)
        count, rest = count + poisson(random, pace), rest - 1
        yield count


def _bursts(random: Random, n: int) -> Iterator[int]:
    often, life = random.uniform(0.01, 0.3), random.choice((0.5, 2, 5, 10))
    count = 0
    for _ in range(n):
        burst = 3 * random.paretovariate(1.3) if random.random() < often else 0
        count = left(random, count, life) + min(100_000, int(burst))
        yield count


def _saturated(random: Random, n: int) -> list[int]:
    done, busy = random.choice((1, 5, 50)), random.uniform(0.7, 0.97)
    counts = [0]
    for _ in range(500 + n):
        counts.append(max(0, counts[-1] + poisson(random, busy * done) - poisson(random, done)))
    return counts[-n:]


def _settling(random: Random, n: int) -> Iterator[int]:
    life, mean, count = random.uniform(1, 6), random.choice((3, 30, 300, 3000)), 0
    for _ in range(n):
        count = left(random, count, life) + poisson(random, mean * (1 - math.exp(-1 / life)))
        yield count


def _for_each(random: Random, load: Sequence[int]) -> list[int]:
    share, more = random.choice((0.1, 1, 3, 20)), random.choice((0, 7, 300))
    return [more + poisson(random, share * each) for each in load]


def _outliving(random: Random, load: Sequence[int]) -> Iterator[int]:
    life, share = random.choice((1, 2, 4, 8, 15, 30)), random.choice((0.3, 1, 5))
    count = poisson(random, share * sum(load[:life]) / life)
    for each in load:
        came = poisson(random, share * each * (1 - math.exp(-1 / life)))
        count = left(random, count, life) + came
        yield count


def _sessions(random: Random, load: Sequence[int]) -> list[int]:
    life, share = random.choice((3, 5, 10, 15, 30)), random.choice((0.05, 0.3, 1))
    came = [poisson(random, share * each) for each in [*load[life:0:-1], *load]]
    return [sum(came[now + 1 : now + 1 + life]) for now in range(len(load))]


def _pool(random: Random, load: Sequence[int]) -> Iterator[int]:
    most = 0
    for each in load:
        most = max(most, each, poisson(random, each))
        yield most


#: Kinds that know nothing of the connections.
ALONE: Mapping[str, Callable[[Random, int], Sequence[int] | Iterator[int]]] = {
    "noise and queues": noisy,
    "queues of several lives": _scales,
    "tides of several periods": _tides,
    "caches that fill": _cache,
    "caches that forget": _expiring,
    "batches": _batches,
    "bursts": _bursts,
    "queues near saturation": _saturated,
    "settling after a start": _settling,
}
#: Kinds that come with the connections, or after them.
WITH_LOAD: Mapping[str, Callable[[Random, Sequence[int]], Sequence[int] | Iterator[int]]] = {
    "some for each connection": _for_each,
    "outliving connections by chance": _outliving,
    "sessions that expire": _sessions,
    "pools that keep the most": _pool,
}

#: Kinds that may be called a leak for a while: docs/growth.rst says so, and they are counted apart.
ONCE_ACCUSED = frozenset(("pools that keep the most",))


def noise(
    random: Random, series: int, snapshots: int, load: Sequence[int] | None
) -> list[tuple[str, list[int]]]:
    """So many counts, each with its kind; those that go with the load only where there is one."""
    found = []
    for number in range(series):
        kinds = list(WITH_LOAD) if load and number % 2 else list(ALONE)
        kind = kinds[number // 2 % len(kinds)]
        made = (
            ALONE[kind](random, snapshots) if kind in ALONE else WITH_LOAD[kind](random, load or ())
        )
        found.append((kind, list(made)))
    return found
