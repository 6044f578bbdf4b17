"""What the reports of one run come to, set against what the program really does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.zoo.running import Visit

__all__ = ("Verdict", "judge", "passes", "suspects")


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What came of one run.

    :param name: of the program, and which twin it was.
    :param planted: how many leaks it has.
    :param found: how many of them the last report proves.
    :param named: of how many the culprit edge is among the suspects of the first entry for it.
    :param false: titles of what the last report proves and what is no leak.
    :param after: after how many snapshots all of its leaks were proven; ``None``: never.
    :param withdrawn: titles of what some report proved, and the last one does not.
    :param spans: how many edges are suspects, for each entry of the last report.
    """

    name: str
    planted: int
    found: int
    named: int
    false: tuple[str, ...]
    after: int | None
    withdrawn: tuple[str, ...]
    spans: tuple[int, ...]


def suspects(entry: dict[str, Any]) -> list[str]:
    """The edges of an entry that may have to be cut, as holder and edge."""
    return [_edge(step) for step in entry["trace"] if step.get("suspect")]


def passes(entry: dict[str, Any], culprits: Iterable[str]) -> bool:
    """Whether the trace of an entry leads over one of these edges."""
    edges = {_edge(step) for step in entry["trace"]}
    return bool(edges & set(culprits))


def _edge(step: dict[str, Any]) -> str:
    holder, edge = step["holder"], step["edge"]
    return f"{holder}{edge}" if edge.startswith((".", "[")) else f"{holder}.{edge}"


def _proven(report: dict[str, Any], leaks: list[tuple[str, ...]]) -> int:
    """How many of the leaks are proven: an entry each, by their edges where the traces have them."""
    entries = report.get("leaks", [])
    if len(leaks) == 1:
        return min(1, len(entries))
    return sum(any(passes(entry, culprits) for entry in entries) for culprits in leaks)


def judge(seen: Visit) -> Verdict:
    """Set the reports of a run against what the program does."""
    leaks = seen.leaks
    last = seen.final.get("leaks", [])
    known = {entry["signature"] for entry in last}
    gone = {
        entry["signature"]: entry["title"]
        for report in seen.reports.values()
        for entry in report["leaks"]
        if entry["signature"] not in known
    }
    enough = [
        n for n, report in sorted(seen.reports.items()) if _proven(report, leaks) == len(leaks)
    ]
    named = [
        next((entry for entry in last if passes(entry, culprits)), last[0] if last else None)
        for culprits in leaks
    ]
    return Verdict(
        name=seen.exhibit.name + (" (cured)" if seen.cured else ""),
        planted=len(leaks),
        found=_proven(seen.final, leaks),
        named=sum(
            entry is not None and bool(set(suspects(entry)) & set(culprits))
            for entry, culprits in zip(named, leaks, strict=True)
        ),
        false=() if leaks else tuple(entry["title"] for entry in last),
        after=enough[0] if leaks and enough else None,
        withdrawn=tuple(gone.values()),
        spans=tuple(len(suspects(entry)) for entry in last) if leaks else (),
    )
