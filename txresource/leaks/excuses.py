"""Why what grows may be no leak: what holds it bounds it, and what it is came from elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from txresource.heap.held import ITEM, KEY
from txresource.heap.paths import BOUNDED, Path
from txresource.leaks.ladder import Horizon
from txresource.leaks.proof import Seen, gain, outgrows
from txresource.leaks.tallies import NAMES, Tallies

__all__ = ("Claim", "FOLLOWS", "TABLE_ROOM", "excuse", "is_item")

#: The table of a container takes no more bytes than this for each item, however sparse it is.
TABLE_ROOM = 256
#: Of what is one thing with what holds it nothing is said; growth may lead on through it.
FOLLOWS = "there are no more than of what holds it"

_BOUNDED = "its container bounds itself"
_MOVED = "as many went away elsewhere"
_ITEMS = frozenset((ITEM, KEY))
#: By an edge that is none of these each object holds one other.
_MANY = _ITEMS | {NAMES.edge}


@dataclass(frozen=True, slots=True)
class Claim:
    """
    A path that grows.

    :ivar path: the path.
    :ivar measure: ``"count"`` or ``"size"``.
    :ivar doubt: why it is not proven to be a leak; ``None``: it is.
    :ivar gained: objects, or bytes, more than when it last was lowest.
    :ivar since: seconds since the epoch when that was.
    :ivar horizon: over which it is seen to grow; ``None``: over the last few snapshots.
    """

    path: Path
    measure: str
    doubt: str | None
    gained: int
    since: float
    horizon: Horizon | None


def is_item(path: Path) -> bool:
    """Whether a path ends at what a container holds without a name of its own."""
    return len(path) > 1 and path[-1].edge in _ITEMS


def excuse(claims: Mapping[Path, Claim], tallies: Tallies, windows: int) -> dict[Path, Claim]:
    """
    Doubt what may be no leak for all that it grows.

    :param claims: what grows, in the order of the paths.
    :param tallies: what is known of all paths.
    :param windows: how many there are in the ladder of their numbers.
    """
    found = _without_tables(claims, tallies)
    found = _without_moved(_without_bounded(found), tallies, windows)
    return _without_followers(found, tallies, windows)


def _without_tables(claims: Mapping[Path, Claim], tallies: Tallies) -> dict[Path, Claim]:
    """The bytes of a container prove nothing where its items may be counted, here or elsewhere."""
    sizes = {path for path, claim in claims.items() if claim.measure == "size"}
    counts = [claim.gained for claim in claims.values() if claim.measure == "count"]
    items: defaultdict[Path, int] = defaultdict(lambda: max(counts, default=0))
    containers = set()
    for path in tallies if sizes else ():
        if is_item(path):
            containers.add(path[-2].kind)
            if path[:-1] in sizes:
                items[path[:-1]] = max(items[path[:-1]], tallies.most(path))
    return {
        path: claim
        for path, claim in claims.items()
        if claim.measure == "count"
        or path[-1].kind not in containers
        or claim.gained > TABLE_ROOM * items[path]
    }


def _without_bounded(claims: Mapping[Path, Claim]) -> dict[Path, Claim]:
    """A container that bounds itself is no leak, nor is what hangs on what it holds."""
    # Inside it holds its items in a further one: that is bounded as long as the items grow, too.
    grown = {path[:-1] for path in claims if is_item(path)}
    found: dict[Path, Claim] = {}
    for path, claim in claims.items():
        above = found.get(path[:-1])
        if (above and above.doubt == _BOUNDED) or _is_bounded(path, grown):
            claim = replace(claim, doubt=_BOUNDED)
        found[path] = claim
    return found


def _is_bounded(path: Path, grown: set[Path]) -> bool:
    if len(path) == 1:
        return path[0].edge.endswith(BOUNDED)
    if path[-2].kind.endswith(BOUNDED):
        return True
    end = len(path)
    while end > 2 and path[end - 1].edge in _ITEMS:
        end -= 1
        if path[end - 1].kind.endswith(BOUNDED):
            return path[:end] in grown
    return False


def _without_moved(claims: dict[Path, Claim], tallies: Tallies, windows: int) -> dict[Path, Claim]:
    """What came from one path to another is no leak: of its kind as a whole there are as many."""
    kinds = {path[-1].kind for path, claim in claims.items() if _may_have_moved(claim)}
    alike: defaultdict[str, list[Sequence[float]]] = defaultdict(list)
    for path, tally in tallies.moving.items() if kinds else ():
        if path[-1].kind in kinds and tally.count.lows:
            alike[path[-1].kind].append(tally.count.spread(windows)[0])
    totals = {
        kind: [sum(lows) for lows in zip(*all_lows, strict=True)]
        for kind, all_lows in alike.items()
    }
    for path, claim in claims.items():
        if _may_have_moved(claim) and claim.horizon is not None:
            total = totals[path[-1].kind][claim.horizon.start :]
            own = gain(_counts(path, tallies, windows), claim.horizon)
            # What comes and goes by itself has not gone from one to the other.
            if 2 * (max(total) - min(total)) < own:
                claims[path] = replace(claim, doubt=_MOVED)
    return claims


def _may_have_moved(claim: Claim) -> bool:
    return claim.doubt is None and claim.measure == "count"


def _without_followers(
    claims: Mapping[Path, Claim], tallies: Tallies, windows: int
) -> dict[Path, Claim]:
    """What each of some objects holds one of is bounded by them, and so is what hangs on it."""
    found: dict[Path, Claim] = {}
    for path, claim in claims.items():
        if claim.measure == "count" and _follows(claim, found, tallies, windows):
            claim = replace(claim, doubt=FOLLOWS)
        found[path] = claim
    return found


def _follows(claim: Claim, found: Mapping[Path, Claim], tallies: Tallies, windows: int) -> bool:
    path, holder = claim.path, claim.path[:-1]
    above = found.get(holder)
    if above is not None and above.doubt == FOLLOWS:
        ours, theirs = (_counts(each, tallies, windows) for each in (path, holder))
        return claim.horizon is None or not outgrows(ours, theirs, claim.horizon)
    # Of the holder of a root nothing is known: there are more roots than none.
    return path[-1].edge not in _MANY and tallies.now(path)[0] <= tallies.now(holder)[0]


def _counts(path: Path, tallies: Tallies, windows: int) -> Seen:
    return Seen(*tallies.moving[path].count.spread(windows))
