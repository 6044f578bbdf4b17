"""Whose memory it is: what the process has gained, and what Python's objects explain of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from txresource.heap.census import Census
from txresource.heap.paths import PathRow, Step
from txresource.heap.unseen import Unseen
from txresource.leaks.frozen import FrozenHeap
from txresource.leaks.growth import GrowthHistory
from txresource.leaks.snapshots import Snapshot
from txresource.leaks.wording import size_text, time_text

__all__ = ("Account", "LEAST_GAIN", "MemoryAccounts", "account_of")

#: Bytes that a process must have gained before anything is said of them: allocators, and what we
#: keep ourselves, take a few MB that no program is to blame for.
LEAST_GAIN = 8_000_000
_MOST_KEPT = 64
_SHOWN = 3
_ELSEWHERE = "what C libraries and extension modules have allocated, or a heap in fragments"
_PATH = (Step("process", "process"), Step("memory", "memory"))
_NONE = (0, 0)


@dataclass(frozen=True, slots=True)
class Account:
    """
    The memory of a process at one moment.

    :ivar taken_at: seconds since the epoch.
    :ivar rss: bytes that the process held.
    :ivar python: bytes of its Python objects; ``None``: not known.
    :ivar load: connections at work; ``None``: not known.
    :ivar native: what holds native memory: by type, how many and an estimate of their bytes.
    """

    taken_at: float
    rss: int
    python: int | None
    load: int | None = None
    native: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def account_of(snapshot: Snapshot, load: int | None) -> Account:
    """
    The account that a snapshot gives.

    :param load: connections that were at work.
    """
    return Account(
        taken_at=snapshot.taken_at,
        rss=snapshot.rss,
        # Where nothing could be forked the objects were counted, and not measured.
        python=snapshot.size or None,
        load=load,
        native={name: (count, size) for name, count, size in snapshot.verdict["native"]},
    )


class MemoryAccounts(Unseen):
    """
    The memory of a process from snapshot to snapshot.

    Whether it grows is judged by the rules for objects, as if its memory were one: what levels
    off does not grow, nor what only follows the load.

    :ivar verdict: in a sentence, that it grows and that no Python objects explain it; ``None``:
        that is not so, or not proven.
    """

    def __init__(self) -> None:
        self._history = GrowthHistory()
        self._kept: list[Account] = []
        self._last: Account | None = None
        self.verdict: str | None = None

    def update(self, account: Account) -> None:
        """
        Take in the next account.

        :param account: of the last snapshot.
        """
        self._history.update(_as_heap(account))
        self._last = account
        self._kept.append(account)
        if len(self._kept) > _MOST_KEPT:
            # The first one stays, for the growth since the start.
            self._kept = self._kept[::2]
        proven = self._history.findings().proven
        self.verdict = self._judge(account, proven[0].since) if proven else None

    def _judge(self, now: Account, since: float) -> str | None:
        then = min(self._kept, key=lambda kept: abs(kept.taken_at - since))
        python = _difference(now.python, then.python)
        gained = now.rss - then.rss
        if python is None or gained < LEAST_GAIN or python > gained / 2:
            return None
        return (
            f"RSS grew by {size_text(gained)} in {time_text(now.taken_at - then.taken_at)};"
            f" Python objects explain {size_text(max(0, python))}: look for native memory –"  # noqa: RUF001
            f" {_native_text(then, now, gained)}"
        )

    def as_report(self) -> dict[str, Any]:
        """What a report says of memory; ``None`` for what is not known yet."""
        first, last = (self._kept[0], self._last) if self._last else (None, None)
        if first is None or last is None:
            keys = ("rss", "rss_growth", "python_bytes", "python_growth", "verdict")
            return {**dict.fromkeys(keys), "native": []}
        return {
            "rss": last.rss,
            "rss_growth": last.rss - first.rss,
            "python_bytes": last.python,
            "python_growth": _difference(last.python, first.python),
            "verdict": self.verdict,
            "native": [
                {"type": name, "count": count, "bytes": size}
                for name, (count, size) in last.native.items()
            ],
        }


def _difference(now: int | None, then: int | None) -> int | None:
    return None if now is None or then is None else now - then


def _as_heap(account: Account) -> FrozenHeap:
    return FrozenHeap(
        taken_at=account.taken_at,
        rss=account.rss,
        load=account.load,
        pid=0,
        gc_objects=0,
        objects=1,
        size=account.rss,
        rows=(PathRow(_PATH, 1, account.rss),),
        census=Census((), objects=0, size=0, gc_objects=0, complete=True),
    )


def _native_text(then: Account, now: Account, gained: int) -> str:
    """What to look at: what holds native memory and has become more, by a tenth of the growth."""
    grown = []
    for name, (count, size) in now.native.items():
        count_then, size_then = then.native.get(name, _NONE)
        if (size - size_then) * 10 >= gained:
            grown.append((size - size_then, f"{name} +{count - count_then:,},", size // count))
    told = [
        f"{what} of about {size_text(each)} each"
        for _, what, each in sorted(grown, reverse=True)[:_SHOWN]
    ]
    return "; ".join(told) or _ELSEWHERE
