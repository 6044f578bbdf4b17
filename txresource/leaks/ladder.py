"""A number over many snapshots: each of the last ones as it was, the older the coarser.

All snapshots there ever were lie in windows, side by side: the newest hold one
snapshot each, older ones two, then four, and so on, a dozen windows of each
width. Of each window a series keeps its lowest and its highest number. So a day
takes few numbers more than an hour, and a number that never changed takes one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ("BLOCKS", "Horizon", "LEAST_BLOCKS", "Ladder", "Series", "WATCHED")

#: A horizon is looked at in this many blocks ...
BLOCKS = 24
#: ... or in as few as this, where nothing older is remembered.
LEAST_BLOCKS = 12
#: The shortest horizon, in snapshots.
WATCHED = 24


#: Never changed: a series that has something to keep makes lists of its own.
_NONE: list[int] = []


@dataclass(frozen=True, slots=True)
class Horizon:
    """
    A stretch of time up to now, in blocks of equal width and in quarters.

    Places are indices of windows, the oldest window of all 0.

    :ivar blocks: where the blocks begin, and where the last one ends.
    :ivar quarters: where the quarters begin, and where the last one ends.
    :ivar widths: how many snapshots each of its windows holds.
    """

    blocks: tuple[int, ...]
    quarters: tuple[int, ...]
    widths: tuple[int, ...]

    @property
    def start(self) -> int:
        """The oldest of its windows."""
        return self.blocks[0]

    @property
    def snapshots(self) -> int:
        """How many snapshots it holds."""
        return sum(self.widths)


class Ladder:
    """
    The windows that all series share.

    :ivar widths: how many snapshots each window holds, the oldest first.
    :ivar ends: when the last snapshot of each was taken, seconds since the epoch.
    """

    __slots__ = ("ends", "widths")

    def __init__(self, widths: Sequence[int] = (), ends: Sequence[float] = ()) -> None:
        self.widths = list(widths)
        self.ends = list(ends)

    def grow(self, taken_at: float) -> list[int]:
        """
        Make a window for the next snapshot, and older ones coarser.

        :param taken_at: seconds since the epoch.
        :returns: which windows to merge, one after the other: how many windows are newer than
            the older one of each pair, for :meth:`Series.add`.
        """
        self.widths.append(1)
        self.ends.append(taken_at)
        merges = []
        width, newer, kept = 1, 0, BLOCKS
        while self.widths.count(width) >= kept + 2:
            newer += self.widths.count(width) - 1
            older = len(self.widths) - 1 - newer
            self.widths[older : older + 2] = [2 * width]
            del self.ends[older]
            merges.append(newer)
            # The merged one is the newest of its width.
            width, newer, kept = 2 * width, newer - 1, BLOCKS - LEAST_BLOCKS
        return merges

    @property
    def later_half(self) -> int:
        """How many of the newest windows hold half of all snapshots, and a horizon at least."""
        missing = max(sum(self.widths) / 2, WATCHED)
        for count, width in enumerate(reversed(self.widths), 1):
            missing -= width
            if missing <= 0:
                return count
        return WATCHED

    def horizons(self) -> tuple[Horizon, ...]:
        """What can be looked at now, the shortest first; each is about twice as long."""
        return tuple(self._horizons())

    def _horizons(self) -> Iterator[Horizon]:
        width = 1
        while True:
            blocks = self._blocks(width)
            count = len(blocks) - 1
            if count < LEAST_BLOCKS:
                return
            widths = tuple(self.widths[blocks[0] :])
            if sum(widths) >= WATCHED:
                quarters = tuple(blocks[count * quarter // 4] for quarter in range(5))
                yield Horizon(blocks, quarters, widths)
            width *= 2

    def _blocks(self, width: int) -> tuple[int, ...]:
        """Where blocks of a width begin, counted from now."""
        found = [len(self.widths)]
        held = 0
        for place in range(len(self.widths) - 1, -1, -1):
            held += self.widths[place]
            if held >= width:
                found.append(place)
                held = 0
                if len(found) > BLOCKS:
                    break
        return tuple(reversed(found))


class Series:
    """
    A number in the windows of a ladder.

    :ivar base: what it was before the windows below; all there is of one that never changed.
    :ivar lows: the lowest of each of the newest windows.
    :ivar highs: the highest of each.
    """

    __slots__ = ("base", "highs", "lows")

    def __init__(self, base: int, lows: Sequence[int] = (), highs: Sequence[int] = ()) -> None:
        self.base = base
        # Most numbers never change: for ten thousand of them empty lists would cost.
        self.lows = list(lows) if lows else _NONE
        self.highs = list(highs) if highs else _NONE

    @property
    def last(self) -> int:
        """What it was in the last snapshot."""
        return self.lows[-1] if self.lows else self.base

    def add(self, value: int, merges: Sequence[int]) -> None:
        """
        Take in the next snapshot.

        :param value: the number in it.
        :param merges: what :meth:`Ladder.grow` said.
        """
        if not self.lows:
            if value == self.base:
                return
            self.lows, self.highs = [], []
        lows, highs = self.lows, self.highs
        lows.append(value)
        highs.append(value)
        for newer in merges:
            older = len(lows) - 1 - newer
            if older >= 0:
                lows[older : older + 2] = [min(lows[older : older + 2])]
                highs[older : older + 2] = [max(highs[older : older + 2])]
            elif older == -1:  # the older one of the pair is still as it was at the beginning
                lows[0] = min(lows[0], self.base)
                highs[0] = max(highs[0], self.base)

    def rest(self, windows: int) -> None:
        """
        Become one number again, if it has stood still, and no lower than before.

        What stands still for a while may yet be a slow leak: it has to be as long as the time
        before.

        :param windows: as many of the newest ones as hold half of all snapshots.
        """
        lows, highs = self.lows, self.highs
        if len(lows) < windows or not self.base <= lows[0] == highs[-1]:
            return
        if lows[0] == min(lows) == max(highs):
            self.base = lows[0]
            self.lows = self.highs = _NONE

    def spread(self, windows: int) -> tuple[list[int], list[int]]:
        """
        The lowest and the highest of each window there is.

        :param windows: how many there are.
        """
        before = [self.base] * (windows - len(self.lows))
        return before + self.lows, before + self.highs
