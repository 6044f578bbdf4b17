"""What is known of all paths: their numbers in the last snapshot, and how they have changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from txresource.heap.paths import Path, PathRow, Step
from txresource.leaks.ladder import Series

__all__ = ("FORGET", "NAMES", "Tallies", "Tally", "count_names")

#: A path that led to nothing in so many snapshots running is forgotten.
FORGET = 64
#: Stands below each path for the different names and kinds there.
NAMES = Step("[any name]", "object")

#: How many objects, and their bytes.
_Numbers = tuple[int, int]


class Tally:
    """
    What is known of a path that has changed.

    :ivar count: its objects.
    :ivar size: their bytes, since their count last changed.
    :ivar absent: for how many snapshots running there was nothing.
    """

    __slots__ = ("absent", "count", "size")

    def __init__(self, count: Series, size: Series, absent: int = 0) -> None:
        self.count = count
        self.size = size
        self.absent = absent

    @property
    def last(self) -> tuple[int, int]:
        """Objects and bytes in the last snapshot."""
        return self.count.last, self.size.last

    @property
    def stands(self) -> bool:
        """Whether all that is left of its past is what it is now."""
        return bool(self.count.last) and not self.count.lows and not self.size.lows

    def add(self, count: int, size: int, merges: Sequence[int], half: int) -> None:
        """Take in the next snapshot: see :class:`~txresource.leaks.ladder.Series`."""
        if count != self.count.last:
            self.size = Series(size)
        else:
            self.size.add(size, merges)
            self.size.rest(half)
        self.count.add(count, merges)
        self.count.rest(half)
        self.absent = 0 if count else self.absent + 1


class Tallies:
    """
    What is known of all paths. Most never change, and are no more than their numbers.

    :ivar still: objects and bytes at the paths that stand still.
    :ivar moving: what is known of the others.
    """

    __slots__ = ("moving", "still")

    def __init__(self) -> None:
        self.still: dict[Path, _Numbers] = {}
        self.moving: dict[Path, Tally] = {}

    def __len__(self) -> int:
        return len(self.still) + len(self.moving)

    def __iter__(self) -> Iterator[Path]:
        yield from self.still
        yield from self.moving

    def now(self, path: Path) -> _Numbers:
        """Objects and bytes at a path in the last snapshot; none where nothing is known of it."""
        tally = self.moving.get(path)
        return self.still.get(path, (0, 0)) if tally is None else tally.last

    def most(self, path: Path) -> int:
        """The most objects that are known to have been at a path at once."""
        tally = self.moving.get(path)
        return self.now(path)[0] if tally is None else max([tally.count.base, *tally.count.highs])

    def begin(self, numbers: Mapping[Path, _Numbers]) -> None:
        """Take in the first snapshot: who knows what was before."""
        self.still = dict(numbers)

    def add(self, numbers: Mapping[Path, _Numbers], merges: Sequence[int], half: int) -> None:
        """
        Take in the next snapshot.

        :param numbers: objects and bytes at each path that leads to any.
        :param merges: see :meth:`~txresource.leaks.ladder.Series.add`.
        :param half: see :meth:`~txresource.leaks.ladder.Series.rest`.
        """
        still = self.still
        before = list(map(still.get, numbers))
        # Nearly always all are still there, and this is told without looking for each.
        gone = len(numbers) - before.count(None) < len(still) and still.keys() - numbers.keys()
        changed = [
            (path, *now)
            for (path, now), was in zip(numbers.items(), before, strict=True)
            if was != now
        ]
        for path, count, size in changed:
            self._tally(path, size).add(count, size, merges, half)
        for path in gone or ():
            self._tally(path, 0)
        for path in self.moving.keys() - numbers.keys():
            self.moving[path].add(0, 0, merges, half)
        self._settle()

    def _tally(self, path: Path, size: int) -> Tally:
        tally = self.moving.get(path)
        if tally is None:
            # Where nothing was known of it, there was nothing.
            before, size = self.still.pop(path, (0, size))
            tally = self.moving[path] = Tally(Series(before), Series(size))
        return tally

    def _settle(self) -> None:
        for path, tally in list(self.moving.items()):
            if tally.stands:
                self.still[path] = tally.last
                del self.moving[path]
            elif tally.absent >= FORGET:
                del self.moving[path]


def count_names(rows: Iterable[PathRow]) -> dict[Path, _Numbers]:
    """
    How many different names and kinds there are below each path, and the bytes of what they lead
    to: what grows by ever new names, or by ever new classes, has no path of its own that grows.

    :param rows: all rows of a snapshot.
    """
    names: defaultdict[Path, list[int]] = defaultdict(lambda: [0, 0])
    for path, _, size in rows:
        if len(path) > 1:
            held = names[path[:-1]]
            held[0] += 1
            held[1] += size
    # One alone is no number of them yet, and has a path that tells as much.
    return {(*path, NAMES): (count, size) for path, (count, size) in names.items() if count > 1}
