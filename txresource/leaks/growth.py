"""What grows from snapshot to snapshot: a history of every path, and what it proves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from txresource.heap.paths import Path
from txresource.heap.whole import GARBAGE
from txresource.leaks.claims import below, find_claims, top_most
from txresource.leaks.excuses import Claim
from txresource.leaks.frozen import FrozenHeap
from txresource.leaks.growthform import Form, Leak, pack, unpack
from txresource.leaks.ladder import Ladder, Series
from txresource.leaks.tallies import NAMES, Tallies, count_names

__all__ = ("Finding", "Findings", "GrowthHistory", "WARM_UP")

#: Snapshots that are looked past at the start: modules are imported, caches fill.
WARM_UP = 2
#: Of so many settled leaks it is known that they were leaks.
_SETTLED = 100
_OVER = "it grows no more"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    Something that grows.

    :ivar path: to the top-most thing that grows; what holds it is all but the last step.
    :ivar measure: ``"count"`` or ``"size"``: what of it grows, objects or bytes.
    :ivar count: objects at the path now.
    :ivar size: their bytes now.
    :ivar gained: objects, or bytes, more than when the growth began.
    :ivar since: seconds since the epoch when it began.
    :ivar seconds: for how long it has lasted.
    :ivar below: where the growth leads on, as far as the first kind of the program's own; empty
        where the path ends at one, or none was found.
    :ivar why_not: why it is not proven, in a clause; ``None``: it is.
    :ivar share: bytes that hang on it, what others hold as well split among them; 0: unknown.
    :ivar exclusive: bytes that would be free without it alone; 0: unknown.
    """

    path: Path
    measure: str
    count: int
    size: int
    gained: int
    since: float
    seconds: float
    below: Path
    why_not: str | None
    share: int = 0
    exclusive: int = 0

    @property
    def per_minute(self) -> float:
        """Objects, or bytes, gained a minute."""
        return 60.0 * self.gained / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Findings:
    """
    All that a history says, each list with the largest share first.

    :ivar proven: leaks.
    :ivar growing: what grows and is not proven to go on for ever.
    :ivar settled: what was proven once, and holds no more.
    """

    proven: tuple[Finding, ...]
    growing: tuple[Finding, ...]
    settled: tuple[Finding, ...]


class GrowthHistory:
    """The counts of all paths over all snapshots, the older the coarser."""

    def __init__(self) -> None:
        self._snapshots = 0
        self._ladder = Ladder()
        self._load = Series(0)
        self._tallies = Tallies()
        self._growing: tuple[Path, ...] = ()
        self._leaks: dict[Path, Leak] = {}
        self._claims: dict[Path, Claim] | None = None

    @property
    def snapshots(self) -> int:
        """How many snapshots it has taken in."""
        return self._snapshots

    @property
    def growing_paths(self) -> tuple[Path, ...]:
        """What grows now, proven or not, in the order of the paths; empty before any snapshot."""
        return self._growing

    def __repr__(self) -> str:
        return (
            f"<GrowthHistory {self._snapshots} snapshots, {len(self._tallies)} paths,"
            f" {len(self._growing)} grow>"
        )

    def update(self, heap: FrozenHeap) -> None:
        """
        Take in the next snapshot.

        :param heap: what it found.
        """
        self._snapshots += 1
        if self._snapshots <= WARM_UP:
            return
        # What waits for the collector is pressure, and no leak, however much it is.
        rows = [row for row in heap.rows if row.path[0].edge != GARBAGE]
        numbers = {path: (count, size) for path, count, size in rows}
        numbers.update(count_names(rows))
        load = heap.load or 0
        first = not self._ladder.widths
        merges = self._ladder.grow(heap.taken_at)
        if first:
            self._load = Series(load)
            self._tallies.begin(numbers)
        else:
            self._load.add(load, merges)
            self._tallies.add(numbers, merges, self._ladder.later_half)
        self._claims = find_claims(self._tallies, self._ladder, self._load)
        self._note_leaks(self._claims)

    def _note_leaks(self, claims: Mapping[Path, Claim]) -> None:
        tops = top_most(claims)
        self._growing = tuple(claim.path for claim in tops if claim.path[-1] != NAMES)
        proven = {path for path, claim in claims.items() if claim.doubt is None}
        leaks = {path: leak for path, leak in self._leaks.items() if path not in proven}
        newest = sorted(leaks, key=lambda path: (-leaks[path].since, path))[:_SETTLED]
        self._leaks = {path: leaks[path] for path in sorted(newest)}
        for claim in tops:
            if claim.doubt is None:
                seconds = self._ladder.ends[-1] - claim.since
                self._leaks[claim.path] = Leak(claim.measure, claim.gained, claim.since, seconds)

    def findings(self, shares: Mapping[Path, tuple[int, int]] | None = None) -> Findings:
        """
        What has grown up to the last snapshot.

        :param shares: share and exclusive bytes by path, where they are known.
        """
        if not self._ladder.widths:
            return Findings((), (), ())
        if self._claims is None:  # it comes from bytes
            self._claims = find_claims(self._tallies, self._ladder, self._load)
        claims, known = self._claims, shares or {}
        found = [self._finding(claim, claims, known) for claim in top_most(claims)]
        proven = {claim.path for claim in claims.values() if claim.doubt is None}
        settled = [
            self._settled(path, leak, claims)
            for path, leak in self._leaks.items()
            if path not in proven
        ]
        return Findings(
            _ranked(finding for finding in found if finding.why_not is None),
            _ranked(finding for finding in found if finding.why_not is not None),
            _ranked(settled),
        )

    def _finding(
        self,
        claim: Claim,
        claims: Mapping[Path, Claim],
        shares: Mapping[Path, tuple[int, int]],
    ) -> Finding:
        return Finding(
            claim.path,
            claim.measure,
            *self._tallies.now(claim.path),
            claim.gained,
            claim.since,
            self._ladder.ends[-1] - claim.since,
            below(claim, claims),
            claim.doubt,
            *shares.get(claim.path, (0, 0)),
        )

    def _settled(self, path: Path, leak: Leak, claims: Mapping[Path, Claim]) -> Finding:
        claim = claims.get(path)
        why_not = _OVER if claim is None else claim.doubt
        count, size = self._tallies.now(path)
        return Finding(
            path, leak.measure, count, size, leak.gained, leak.since, leak.seconds, (), why_not
        )

    def encode(self) -> bytes:
        """The history as bytes, the same for the same snapshots."""
        return pack(
            Form(
                self._snapshots,
                self._ladder,
                self._load,
                self._tallies,
                self._growing,
                self._leaks,
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> GrowthHistory:
        """
        The history that :meth:`encode` made bytes.

        :param data: the bytes; none at all: a new history.
        :raises ValueError: in one sentence, why they are none.
        """
        history = cls()
        if data:
            form = unpack(data)
            history._snapshots, history._ladder, history._load = form[:3]
            history._tallies, history._growing, history._leaks = form[3:]
        return history


def _ranked(found: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(found, key=lambda each: (-each.share, -each.gained, each.path)))
