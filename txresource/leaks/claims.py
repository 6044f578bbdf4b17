"""Which of all paths grow, and which of them is to blame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter

from txresource.heap.held import ITEM
from txresource.heap.paths import Path, Step
from txresource.leaks.entries import belongs_to_libraries
from txresource.leaks.excuses import FOLLOWS, Claim, excuse, is_item
from txresource.leaks.ladder import WATCHED, Ladder, Series
from txresource.leaks.proof import UNSTEADY, Load, Seen, judge
from txresource.leaks.tallies import NAMES, Tallies

__all__ = ("LEAST_GAIN", "LEAST_SIZE", "STREAK", "below", "find_claims", "top_most")

#: What rose this many times running ...
STREAK = 3
#: ... and by this many objects in all is said to grow, long before anything is proven. A reactor
#: keeps fifty cancelled calls, of two methods each, before it throws them out: that is not growth.
LEAST_GAIN = 128
#: Fewer bytes than this are no growth: containers grow ahead of need.
LEAST_SIZE = 4096
#: Stands for all that a container holds.
_ANY_ITEM = Step("[any item]", "")


def find_claims(tallies: Tallies, ladder: Ladder, load: Series) -> dict[Path, Claim]:
    """
    All paths that grow, in their order.

    :param tallies: what is known of each path.
    :param ladder: the windows of their numbers.
    :param load: the open connections.
    """
    windows = len(ladder.widths)
    seen = Seen(*load.spread(windows))
    loads = [Load.over(horizon, seen) for horizon in ladder.horizons()]
    claims = {}
    for path, tally in sorted(tallies.moving.items()):
        claim = None
        if tally.count.lows:
            claim = _claim(path, "count", tally.count, ladder, loads)
        if claim is None and tally.size.lows and path[-1] != NAMES:
            claim = _claim(path, "size", tally.size, ladder, loads)
        if claim is not None:
            claims[path] = claim
    return excuse(claims, tallies, windows)


def _claim(
    path: Path, measure: str, series: Series, ladder: Ladder, loads: Sequence[Load]
) -> Claim | None:
    seen = Seen(*series.spread(len(ladder.widths)))
    verdict = judge(seen, loads) if loads else None
    if verdict is not None:
        start, doubt, horizon = verdict.horizon.start, verdict.doubt, verdict.horizon
    else:
        streak = _streak(seen.lows)
        if streak < STREAK:
            return None
        start, horizon = len(seen.lows) - 1 - streak, None
        doubt = f"it has grown for {streak} snapshots of {WATCHED}"
    lows = seen.lows[start:]
    lowest = start + len(lows) - 1 - lows[::-1].index(min(lows))
    # Of a window of several snapshots only the end has a time, and it ended at its highest.
    gained = int(seen.lows[-1] - seen.highs[lowest])
    # By chance many a small number rises for a while.
    much = horizon is None or doubt == UNSTEADY
    if gained < (LEAST_SIZE if measure == "size" else LEAST_GAIN if much else 1):
        return None
    return Claim(path, measure, doubt, gained, ladder.ends[lowest], horizon)


def _streak(lows: Sequence[float]) -> int:
    """How many times running it has risen up to now, as far back as snapshots stand alone."""
    streak = 0
    while streak < min(WATCHED, len(lows)) - 1 and lows[-streak - 2] < lows[-streak - 1]:
        streak += 1
    return streak


def top_most(claims: Mapping[Path, Claim]) -> list[Claim]:
    """
    Those that no other explains: what hangs on something that grows grows with it, and so do the
    bytes of what holds it. Of all that one container holds one is told.

    :param claims: what grows, in the order of the paths.
    """
    holders = {
        path[:end]
        for path, claim in claims.items()
        if claim.measure == "count"
        for end in range(1, len(path))
    }
    rest = {
        path: claim
        for path, claim in claims.items()
        if claim.doubt != FOLLOWS and (claim.measure == "count" or path not in holders)
    }
    proven = {path for path, claim in rest.items() if claim.doubt is None}
    found: dict[Path, Claim] = {}
    for path, claim in rest.items():
        above = proven if claim.doubt is None else rest
        if not any(path[:end] in above for end in range(1, len(path))):
            group = (*path[:-1], _ANY_ITEM) if is_item(path) else path
            found[group] = min(found.get(group, claim), claim, key=_in_group)
    return sorted(found.values(), key=attrgetter("path"))


def _in_group(claim: Claim) -> tuple[bool, bool, bool, Path]:
    """What is told of a container: a leak, a value rather than a key, a kind of the program's."""
    step = claim.path[-1]
    return (
        claim.doubt is not None,
        step.edge != ITEM,
        belongs_to_libraries(step.kind),
        claim.path,
    )


def below(claim: Claim, claims: Mapping[Path, Claim]) -> Path:
    """
    Where growth leads on, to the nearest kind of the program's own that grows by half as many at
    least.

    :param claim: the growth.
    :param claims: all that grows.
    :returns: the steps after its path; empty where it is of such a kind, or none is found.
    """
    path = claim.path
    if not belongs_to_libraries(path[-1].kind):
        return ()
    own = [
        other
        for other in claims.values()
        if other.path[: len(path)] == path
        and 2 * other.gained >= claim.gained
        and not belongs_to_libraries(other.path[-1].kind)
    ]
    nearest = min(own, key=lambda other: (len(other.path), -other.gained, other.path), default=None)
    return nearest.path[len(path) :] if nearest else ()
