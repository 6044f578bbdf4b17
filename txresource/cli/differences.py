"""What one snapshot has more of than another: pure functions of frozen heaps.

Snapshots have no identities of objects, only how many there are: what was freed and replaced by as
many of the same kind by the same path counts as still there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from txresource.heap.paths import Path, path_text
from txresource.leaks.frozen import FrozenHeap

__all__ = ("Change", "PathGroup", "changes", "groups", "path_changes", "type_changes")

_Key = TypeVar("_Key")
#: Objects and bytes.
_Amount = tuple[int, int]
_NONE = (0, 0)


@dataclass(frozen=True, slots=True)
class Change:
    """
    What there is more of.

    :ivar count: objects allocated from the first snapshot to the second and still in the third.
    :ivar size: bytes of the same.
    :ivar allocated_count: objects allocated from the first to the second.
    :ivar allocated_size: bytes of the same.
    :ivar now: objects in the third.
    """

    count: int
    size: int
    allocated_count: int
    allocated_size: int
    now: int


@dataclass(frozen=True, slots=True)
class PathGroup:
    """
    Paths of which there is more, by the one they all begin with.

    :ivar path: the top-most whose objects became more.
    :ivar change: what there is more of at its end.
    :ivar below_count: objects more below it, at any distance.
    :ivar below_size: bytes of the same.
    """

    path: Path
    change: Change
    below_count: int
    below_size: int

    @property
    def size(self) -> int:
        """Bytes more at its end and below."""
        return self.change.size + self.below_size


def changes(
    first: Mapping[_Key, _Amount], second: Mapping[_Key, _Amount], third: Mapping[_Key, _Amount]
) -> dict[_Key, Change]:
    """
    What became more from the first to the second and is still in the third.

    :param third: the second once more where there is none.
    :returns: what has more objects, or more bytes, the rest is left out.
    """
    found = {}
    for key, (count, size) in second.items():
        old_count, old_size = first.get(key, _NONE)
        if count > old_count or size > old_size:
            now, new_size = third.get(key, _NONE)
            allocated = max(count - old_count, 0), max(size - old_size, 0)
            still = min(allocated[0], now - old_count), min(allocated[1], new_size - old_size)
            if still[0] > 0 or still[1] > 0:
                found[key] = Change(max(still[0], 0), max(still[1], 0), *allocated, now)
    return found


def path_changes(first: FrozenHeap, second: FrozenHeap, third: FrozenHeap) -> dict[Path, Change]:
    """What there is more of by which path; as of :func:`changes`."""
    return changes(
        *({r.path: (r.count, r.size) for r in heap.rows} for heap in (first, second, third))
    )


def type_changes(first: FrozenHeap, second: FrozenHeap, third: FrozenHeap) -> dict[str, Change]:
    """What there is more of by type, the largest first; as of :func:`changes`."""
    heaps = (first, second, third)
    found = changes(*({r.type_name: (r.count, r.size) for r in h.census.rows} for h in heaps))
    return dict(sorted(found.items(), key=lambda item: (-item[1].size, -item[1].count, item[0])))


def groups(changed: Mapping[Path, Change]) -> tuple[PathGroup, ...]:
    """
    Put paths together by the top-most of which there are more objects, the largest group first.

    A container that only got larger for what is in it is no group, and in none. What got larger by
    itself, as a bytearray does, is one.
    """
    counted = {path for path, change in changed.items() if change.count}
    holders = _beginnings(counted)
    heads = counted | (changed.keys() - holders)
    tops: dict[Path, Path | None] = {(): None}
    below: defaultdict[Path, list[Change]] = defaultdict(list)
    for path, change in changed.items():
        top = _top(path, heads, tops)
        if top is not None and top != path:
            below[top].append(change)
    found = [
        PathGroup(
            path,
            changed[path],
            sum(change.count for change in below[path]),
            sum(change.size for change in below[path]),
        )
        for path in heads
        if tops[path] == path
    ]
    return tuple(sorted(found, key=lambda g: (-g.size, -g.change.count, path_text(g.path))))


def _beginnings(paths: Iterable[Path]) -> set[Path]:
    """What paths begin with, themselves left out."""
    found: set[Path] = set()
    for path in paths:
        while path and (path := path[:-1]) not in found:
            found.add(path)
    return found


def _top(path: Path, heads: set[Path], tops: dict[Path, Path | None]) -> Path | None:
    """The shortest beginning of a path that is a head; what was found on the way is kept in tops."""
    trail = []
    while path not in tops:
        trail.append(path)
        path = path[:-1]
    top = tops[path]
    for path in reversed(trail):
        top = tops[path] = path if top is None and path in heads else top
    return top
