"""What a forked child does with its copy of the heap: look, keep, compare, and tell.

Everything heavy is done here. The history of what grew comes in as bytes and
goes out as bytes; the parent opens neither.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

from txresource.heap.census import Census, count_types
from txresource.heap.child import Send
from txresource.heap.paths import Path, PathRow, Step
from txresource.heap.unseen import Unseen
from txresource.heap.whole import GARBAGE, take_heap
from txresource.leaks.entries import entry_of
from txresource.leaks.frozen import FrozenHeap, encode_heap
from txresource.leaks.given import reactor_roots
from txresource.leaks.growth import GrowthHistory
from txresource.leaks.native import native_holders

__all__ = (
    "Errand",
    "TYPES",
    "freeze",
    "history_of",
    "look",
    "look_here",
    "no_verdict",
    "tell",
    "verdict_of",
)

#: The root of rows that know of no paths.
TYPES = "type"
_BY_TYPE_ALONE = "it was counted by its type alone: what holds it is not known"


@dataclass(frozen=True, slots=True)
class Errand(Unseen):
    """What a child is told before it is forked.

    :param reactor: what it keeps alive is named.
    :param taken_at: seconds since the epoch.
    :param rss: bytes of memory that the process holds.
    :param load: open connections at work, or None where nobody counts them.
    :param pid: the process that is looked at.
    :param history: what the child before has left; empty for the first one.
    :param started: when the process began, seconds since the epoch.
    """

    reactor: Any
    taken_at: float
    rss: int
    load: int | None
    pid: int
    history: bytes
    started: float | None = None


def look(errand: Errand, send: Send, frames: Sequence[FrameType]) -> None:
    """Look at the heap: the job of a child.

    :param errand: what to know for it.
    :param send: takes the stages ``numbers``, ``snapshot``, ``verdict`` and ``history``, in this
        order: one that is lost costs those after it.
    :param frames: the innermost frame of each thread of the parent.
    """
    # Before there is anything of the look itself.
    tracked = gc.get_objects()
    history = history_of(errand.history)
    found = take_heap(tracked, reactor_roots(errand.reactor), frames, history.growing_paths)
    tell(freeze(errand, found.rows, found.census), history, found.weights, send)


def tell(
    heap: FrozenHeap, history: GrowthHistory, weights: Mapping[Path, tuple[int, int]], send: Send
) -> None:
    """Say all that there is to say of a snapshot.

    :param heap: the snapshot.
    :param history: what the snapshots before have shown; it takes this one in.
    :param weights: what the objects of growing paths lead to.
    :param send: see :func:`look`.
    """
    send("numbers", _numbers(heap))
    send("snapshot", encode_heap(heap))
    history.update(heap)
    send("verdict", verdict_of(heap, history, weights))
    send("history", history.encode())


def history_of(encoded: bytes) -> GrowthHistory:
    """What the snapshots before have shown; a new history where that cannot be read.

    :param encoded: what a child has sent, or nothing.
    """
    try:
        return GrowthHistory.decode(encoded)
    except ValueError:
        return GrowthHistory()


def freeze(errand: Errand, rows: tuple[PathRow, ...], census: Census) -> FrozenHeap:
    """A snapshot as it is kept.

    :param errand: when and where it was taken.
    :param rows: the paths that were found.
    :param census: the objects that were found.
    """
    return FrozenHeap(
        taken_at=errand.taken_at,
        rss=errand.rss,
        load=errand.load,
        pid=errand.pid,
        gc_objects=census.gc_objects,
        objects=census.objects,
        size=census.size,
        rows=rows,
        census=census,
        started=errand.started,
    )


def look_here(errand: Errand) -> tuple[FrozenHeap, dict[str, Any], bytes]:
    """Look at the heap from within, where nothing can be forked: at types and counts alone.

    :param errand: what to know for it.
    :returns: the snapshot, the verdict, in which nothing is proven, and the new history.
    """
    census = count_types()
    types = sorted((row.type_name, row.count, row.size) for row in census.rows)
    rows = tuple(PathRow((Step(TYPES, name),), count, size) for name, count, size in types)
    heap = freeze(errand, rows, census)
    history = history_of(errand.history)
    history.update(heap)
    verdict = verdict_of(heap, history, {})
    leaks = [{**entry, "why_not": _BY_TYPE_ALONE} for entry in verdict["leaks"]]
    verdict.update(leaks=[], growing=leaks + verdict["growing"])
    return heap, verdict, history.encode()


def verdict_of(
    heap: FrozenHeap, history: GrowthHistory, weights: Mapping[Path, tuple[int, int]]
) -> dict[str, Any]:
    """All that a report and a line in the log say of a snapshot.

    :param heap: the snapshot.
    :param history: a history that has taken it in.
    :param weights: what the objects of growing paths lead to.
    """
    findings = history.findings(weights)
    return {
        **_numbers(heap),
        "leaks": list(map(entry_of, findings.proven)),
        "growing": list(map(entry_of, findings.growing)),
        "settled": list(map(entry_of, findings.settled)),
        "native": native_holders(heap.census),
        "snapshots": history.snapshots,
    }


def no_verdict(numbers: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What is said where a child was lost before it had judged.

    :param numbers: what it had counted; None: nothing.
    """
    lists: dict[str, Any] = {key: [] for key in ("leaks", "growing", "settled", "native")}
    counts = {"objects": 0, "gc_objects": 0, "size": 0, "garbage": [0, 0], "snapshots": 0}
    return {**lists, **counts, **(numbers or {})}


def _numbers(heap: FrozenHeap) -> dict[str, Any]:
    garbage = [row for row in heap.rows if row.path[0].edge == GARBAGE]
    return {
        "objects": heap.objects,
        "gc_objects": heap.gc_objects,
        "size": heap.size,
        "garbage": [sum(row.count for row in garbage), sum(row.size for row in garbage)],
    }
