"""Which types grow from census to census; no verdict on why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from txresource.heap.census import Census

__all__ = (
    "GrowingType",
    "GrowthTracker",
    "LEAST_GAIN",
    "STREAK",
    "WARM_UP",
)

#: A type is called growing when its count rose this many times running ...
STREAK = 3
#: ... and by this many objects in all: a slower one is called so when it has gained them. A reactor
#: keeps fifty cancelled calls, of two methods each, before it throws them out: that is not growth.
LEAST_GAIN = 128
#: Censuses that are looked past at the start: caches fill, our own among them.
WARM_UP = 1


@dataclass(frozen=True, slots=True)
class GrowingType:
    """
    A type whose count rose in each of the last censuses.

    :ivar type_name: module and qualified name.
    :ivar count: objects now.
    :ivar size: bytes now.
    :ivar gained: objects more than when the streak began.
    :ivar since: seconds since the epoch when the streak began.
    :ivar streak: how many times running the count rose.
    """

    type_name: str
    count: int
    size: int
    gained: int
    since: float
    streak: int

    def per_minute(self, now: float) -> float:
        """Objects gained a minute since the streak began; ``now`` is seconds since the epoch."""
        return 60.0 * self.gained / max(now - self.since, 1e-9)


@dataclass(frozen=True, slots=True)
class _Streak:
    base: int
    since: float
    length: int


class GrowthTracker:
    """Compares each census with the one before; keeps the last counts, and no census."""

    def __init__(self) -> None:
        self._counts: Mapping[str, int] = {}
        self._taken_at: float | None = None
        self._streaks: dict[str, _Streak] = {}
        self._to_skip = WARM_UP

    def update(self, census: Census, taken_at: float) -> tuple[GrowingType, ...]:
        """
        Take in the next census.

        :param taken_at: seconds since the epoch.
        :returns: what grows now: types of modules before builtins, which mostly hang in them,
            the steepest first.
        """
        if self._to_skip:
            self._to_skip -= 1
            return ()
        before, began = self._counts, self._taken_at
        self._counts = {row.type_name: row.count for row in census.rows}
        self._taken_at = taken_at
        if began is None:
            return ()
        streaks = {}
        for name, count in self._counts.items():
            if count > before.get(name, 0):
                known = self._streaks.get(name) or _Streak(before.get(name, 0), began, 0)
                streaks[name] = _Streak(known.base, known.since, known.length + 1)
        self._streaks = streaks
        return self._growing(census)

    def _growing(self, census: Census) -> tuple[GrowingType, ...]:
        found = []
        for row in census.rows:
            streak = self._streaks.get(row.type_name)
            if streak is not None and streak.length >= STREAK:
                gained = row.count - streak.base
                if gained >= LEAST_GAIN:
                    grown = (row.type_name, row.count, row.size, gained)
                    found.append(GrowingType(*grown, streak.since, streak.length))
        return tuple(sorted(found, key=_rank))


def _rank(grown: GrowingType) -> tuple[bool, int, str]:
    return ("." not in grown.type_name, -grown.gained, grown.type_name)
