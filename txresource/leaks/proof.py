"""Whether a number grows, and whether it is proven that it will not stop."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, compress, pairwise
from math import fsum
from operator import le, lt, mul, sub
from typing import NamedTuple

from txresource.leaks.ladder import Horizon

__all__ = (
    "DOUBTS",
    "FEWEST_RISES",
    "Load",
    "PATIENCE",
    "STEADY",
    "Seen",
    "UNSTEADY",
    "Verdict",
    "gain",
    "judge",
    "outgrows",
)

#: Fewer rises than this are no growth.
_GROWTH = 3
#: Fewer than this may be steps, such as a new configuration ...
FEWEST_RISES = 5
#: ... and where something was let go before the horizon, this ...
_FELL_BEFORE = 12
#: ... and so few have to be watched for longer: rises times snapshots are as many as this.
PATIENCE = 168
#: Where something was let go now and then, the mean rise of a block has to be so many times its
#: standard error.
STEADY = 5.0
#: Later growth is more than this share of the earlier; and this one, where it slowed down before.
_STILL, _STRAIGHT = 1 / 3, 0.8
#: Load explains a number that goes with it this well, as a share of what varies ...
_TOGETHER = 0.8
#: ... and that grows no more than this many times as much, in proportion.
_PROPORTION = 2
#: Load that goes with the time this well cannot be told from a leak.
_TREND = 0.3

#: The last record is no older than what so many records take in the mean, if one never took as
#: long before ...
_LULL = 3
#: ... and no older than so many times the longest that one took, or so few snapshots.
_LONGEST, _SHORT = 2, 4
#: Load is taken away from what falls when it falls, by this share of what is to be expected.
_BACK = 0.25

_FLAT = ""
#: It fell now and then, too.
UNSTEADY = "it goes up and down"
_LOADED = "it grows with the open connections"
_HIGH_BEFORE = "it has been as high before"
_SLOWER = "it is levelling off"
_STANDS = "it has stood still of late"
_TOO_FEW = "it rose only a few times"
#: Why a rise may prove nothing, the weakest rise first.
DOUBTS = (UNSTEADY, _LOADED, _HIGH_BEFORE, _SLOWER, _STANDS, _TOO_FEW)


class Seen(NamedTuple):
    """
    The lowest and the highest of a number in each window of a ladder, the oldest first.

    :ivar lows: the lowest ones.
    :ivar highs: the highest ones.
    """

    lows: Sequence[float]
    highs: Sequence[float]


class Load(NamedTuple):
    """
    The open connections over a horizon, made ready to be compared with many numbers.

    :ivar horizon: where it is looked at.
    :ivar seen: in each window there is.
    :ivar rises: whether it grows itself.
    :ivar changes: in each window of the horizon, less the mean.
    :ivar swings: the same, less what goes with the time; empty where the load goes mostly with it,
        or does not change.
    """

    horizon: Horizon
    seen: Seen
    rises: bool
    changes: Sequence[float]
    swings: Sequence[float]

    @classmethod
    def over(cls, horizon: Horizon, seen: Seen) -> Load:
        """Look at it over one horizon."""
        changes = _centred(seen.lows[horizon.start :])
        times = _centred(list(accumulate(horizon.widths)))
        slope = _dot(changes, times) / _dot(times, times)
        swings = [change - slope * time for change, time in zip(changes, times, strict=True)]
        free = _dot(swings, swings) > (1 - _TREND) * _dot(changes, changes)
        rises = _rises(_floors(seen, horizon)) and _rises(_ceilings(seen, horizon))
        return cls(horizon, seen, rises, changes, swings if free else ())


class Verdict(NamedTuple):
    """
    What is to say of a number that grows.

    :ivar doubt: why it is not proven to be a leak, one of :data:`DOUBTS`; ``None``: it is.
    :ivar horizon: where it is seen to grow.
    """

    doubt: str | None
    horizon: Horizon


def judge(seen: Seen, loads: Sequence[Load]) -> Verdict | None:
    """
    Look for growth over each horizon.

    :param seen: the number.
    :param loads: the load over each horizon, the shortest first.
    :returns: the proof over the longest horizon that has one; else the growth with the least
        doubt; ``None`` where it grows over none.
    """
    verdicts = []
    least = _STILL
    for load in reversed(loads):
        # Most of what changes is no higher than it was, and this is told at once.
        if seen.highs[-1] > seen.lows[load.horizon.start]:
            doubt = _doubt(seen, load, least)
            if doubt is None:
                return Verdict(None, load.horizon)
            if doubt:
                verdicts.append(Verdict(doubt, load.horizon))
            if doubt == _SLOWER:
                least = _STRAIGHT
    return max(verdicts, key=lambda verdict: DOUBTS.index(verdict.doubt or ""), default=None)


def gain(seen: Seen, horizon: Horizon) -> float:
    """How much higher the lowest of the last quarter is than that of the first."""
    floors = _floors(seen, horizon)
    return floors[3] - floors[0]


def outgrows(seen: Seen, other: Seen, horizon: Horizon) -> bool:
    """Whether one number grows more than twice as much as another, in proportion."""
    ours, theirs = _ceilings(seen, horizon), _ceilings(other, horizon)
    return ours[3] * theirs[0] > _PROPORTION * ours[0] * theirs[3]


def _doubt(seen: Seen, load: Load, least: float) -> str | None:
    doubt = _doubt_alone(seen, load.horizon, least)
    if doubt in (_FLAT, UNSTEADY):
        if load.swings and _proven_without(seen, load, least):
            return None
    elif _is_explained(seen, load):
        return _LOADED
    return doubt


def _proven_without(seen: Seen, load: Load, least: float) -> bool:
    """Whether a number grows without what comes and goes with the load."""
    ours = seen.lows[load.horizon.start :]
    slope = _dot(_centred(ours), load.swings) / _dot(load.swings, load.swings)
    if not _comes_back(ours, load.changes, slope):
        return False
    lows, highs = (
        list(map(sub, numbers, [slope * less for less in others]))
        for numbers, others in zip(seen, load.seen, strict=True)
    )
    return _doubt_alone(Seen(lows, highs), load.horizon, least) is None


def _comes_back(ours: Sequence[float], load: Sequence[float], slope: float) -> bool:
    """Whether a number falls when the load does: what the load only brought is no tide."""
    steps = _steps(load)
    falls = [step < 0 for step in steps]
    fallen, expected = fsum(compress(_steps(ours), falls)), slope * fsum(compress(steps, falls))
    return slope > 0 and fallen < _BACK * expected


def _steps(numbers: Sequence[float]) -> list[float]:
    return [after - before for before, after in pairwise(numbers)]


def _is_explained(seen: Seen, load: Load) -> bool:
    """Whether a number that rises does so with the load, and in proportion."""
    if outgrows(seen, load.seen, load.horizon):
        return False
    if load.rises:
        return True
    changes = _centred(seen.lows[load.horizon.start :])
    common = _dot(changes, load.changes)
    varies = _dot(changes, changes) * _dot(load.changes, load.changes)
    return common > 0 and common * common > _TOGETHER * varies


def _doubt_alone(seen: Seen, horizon: Horizon, least: float) -> str | None:
    """Why a number is not proven to grow, whatever the load; :data:`_FLAT`: it does not rise."""
    floors = _floors(seen, horizon)
    if not _rises(floors):
        return _FLAT
    ceilings = _ceilings(seen, horizon)
    if not _rises(ceilings):
        return _FLAT
    lows, highs = seen.lows[horizon.start :], seen.highs[horizon.start :]
    steady = _is_steady(seen, horizon)
    if not steady and not _never_fell(lows, highs):
        return UNSTEADY
    if max(seen.highs[: horizon.start], default=floors[0]) >= floors[3]:
        return _HIGH_BEFORE
    if ceilings[3] - ceilings[1] <= least * (floors[2] - floors[0]):
        return _SLOWER
    known = steady or _never_fell(seen.lows, seen.highs)
    return _stillness(lows, highs, horizon, FEWEST_RISES if known else _FELL_BEFORE)


def _stillness(
    lows: Sequence[float], highs: Sequence[float], horizon: Horizon, fewest: int
) -> str | None:
    """Why the times at which it rose prove nothing: too few, or too long ago for its pace."""
    rises = sum(low < after for low, after in pairwise(lows))
    if rises < _GROWTH:
        return _FLAT
    if _has_ended(highs, horizon.widths):
        return _STANDS
    few = rises < fewest or rises * horizon.snapshots < PATIENCE
    return _TOO_FEW if few else None


def _has_ended(highs: Sequence[float], widths: Sequence[int]) -> bool:
    """Whether the last record is too long ago for the pace of those before."""
    ends, tops = list(accumulate(widths)), list(accumulate(highs, max))
    records = list(compress(ends[1:], map(lt, tops, tops[1:])))
    # By noise on top of its bound a number comes to records, too, that are none to speak of.
    near = tops[-1] - (tops[-1] - tops[0]) / (2 * len(records))
    lull = ends[-1] - ends[bisect_left(tops, near)]
    longest = max(after - before for before, after in pairwise([ends[0], *records]))
    if lull > max(_SHORT, _LONGEST * longest):
        return True
    return lull > longest and len(records) * lull > _LULL * ends[-1]


def _never_fell(lows: Sequence[float], highs: Sequence[float]) -> bool:
    return all(map(le, highs, lows[1:]))


def _is_steady(seen: Seen, horizon: Horizon) -> bool:
    floors = [min(seen.lows[a:b]) for a, b in pairwise(horizon.blocks)]
    steps = _steps(floors)
    mean = fsum(steps) / len(steps)
    spread = fsum((step - mean) ** 2 for step in steps)
    # The mean against its standard error, without a root and a division.
    return mean > 0 and mean * mean * len(steps) * (len(steps) - 1) >= STEADY * STEADY * spread


def _floors(seen: Seen, horizon: Horizon) -> list[float]:
    return [min(seen.lows[a:b]) for a, b in pairwise(horizon.quarters)]


def _ceilings(seen: Seen, horizon: Horizon) -> list[float]:
    return [max(seen.highs[a:b]) for a, b in pairwise(horizon.quarters)]


def _rises(quarters: Sequence[float]) -> bool:
    """Whether no quarter is lower than the one before, and each higher than the one before that."""
    first, second, third, fourth = quarters
    return first <= second <= third <= fourth and first < third and second < fourth


def _centred(numbers: Sequence[float]) -> list[float]:
    mean = fsum(numbers) / len(numbers)
    return [number - mean for number in numbers]


def _dot(ones: Sequence[float], others: Sequence[float]) -> float:
    # Exact: the plain sum of CPython 3.12 is another one than that of 3.11.
    return fsum(map(mul, ones, others))
