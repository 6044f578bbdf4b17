"""
What a weak callback costs: ``d.addCallback(weakly(o.m))`` and firing it.

Run ``python benchmarks/weak.py [rounds] [calls]``. Every figure is a ratio to the plain
bound method, measured in the same run, the shapes in turn, so that a machine that slows
down slows them all. The plain method is in the turn twice: how far its two columns
differ is what the ratios are worth. Exits with 1 when a budget is missed.
"""

from __future__ import annotations

import functools
import gc
import statistics
import sys
import time
import weakref
from collections.abc import Callable

from twisted.copyright import version as twisted_version
from twisted.internet.defer import Deferred

from txresource.weak import weakly

BUDGET = 1.5


class Owner:
    def done(self, result: int) -> int:
        return result


def by_weak_method(method: Callable[[int], int]) -> Callable[[int], int]:
    """Make what people write by hand."""
    ref = weakref.WeakMethod(method)

    def call(result: int) -> int:
        bound = ref()
        return result if bound is None else bound(result)

    return call


def plain(owner: Owner, calls: int) -> float:
    begun = time.process_time()
    for _ in range(calls):
        d = Deferred()
        d.addCallback(owner.done)
        d.callback(1)
    return time.process_time() - begun


def wrapped(wrap: Callable[..., Callable[[int], int]], owner: Owner, calls: int) -> float:
    begun = time.process_time()
    for _ in range(calls):
        d = Deferred()
        d.addCallback(wrap(owner.done))
        d.callback(1)
    return time.process_time() - begun


SHAPES: dict[str, Callable[[Owner, int], float]] = {
    "plain bound method": plain,
    "plain again": plain,
    "weakref.WeakMethod by hand": functools.partial(wrapped, by_weak_method),
    "weakly": functools.partial(wrapped, weakly),
}


def measure(rounds: int, calls: int) -> dict[str, list[float]]:
    """Take the shapes in turn, in the opposite order every other round."""
    owner, seconds = Owner(), {name: [0.0] * 0 for name in SHAPES}
    names = list(SHAPES)
    for shape in SHAPES.values():
        shape(owner, calls // 4)
    for number in range(rounds):
        for name in names if number % 2 else reversed(names):
            gc.collect()
            seconds[name].append(SHAPES[name](owner, calls))
    return seconds


def main(rounds: int = 21, calls: int = 20_000) -> int:
    seconds = measure(rounds, calls)
    base = statistics.median(seconds["plain bound method"])
    ratios = {name: statistics.median(times) / base for name, times in seconds.items()}
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"CPython {version}, Twisted {twisted_version}, {rounds} rounds of {calls} calls")
    for name, times in seconds.items():
        each = statistics.median(times) / calls * 1e6
        print(f"  {name:28s} {each:6.2f} us  {ratios[name]:5.2f} x")
    ours, by_hand = ratios["weakly"], ratios["weakref.WeakMethod by hand"]
    kept = ours <= BUDGET and ours < by_hand
    print(f"  budget <= {BUDGET} x and below WeakMethod: {'kept' if kept else 'MISSED'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
