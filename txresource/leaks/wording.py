"""What the log says of findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from txresource.leaks.snapshots import Snapshot

__all__ = (
    "grows_text",
    "leak_text",
    "proven_text",
    "rate_text",
    "settled_text",
    "size_text",
    "snapshot_text",
    "time_text",
)

#: Of a signature the log shows as much as tells the leaks of one program apart.
_SHORT = 6
#: Of a longer trace its beginning is shown, and so much before the first suspect.
_HEAD = _BEFORE = 3
_SHOWN = 3
_UNITS = ("bytes", "kB", "MB", "GB", "TB")

_Entry = Mapping[str, Any]


def size_text(size: float) -> str:
    """Bytes in words: ``340 kB``."""
    number, unit = size, 0
    while abs(number) >= 999.5 and unit < len(_UNITS) - 1:
        number, unit = number / 1000, unit + 1
    digits = 1 if unit and abs(number) < 9.95 else 0
    return f"{number:,.{digits}f} {_UNITS[unit]}"


def time_text(seconds: float) -> str:
    """A stretch of time in words: ``30 minutes``."""
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 1.95 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def rate_text(entry: _Entry) -> str:
    """How fast something grows: ``+50 a minute``; of what is slower, a number an hour or a day."""
    number, unit = entry["per_minute"], "minute"
    for factor, longer in ((60, "hour"), (24, "day")):
        if number < 0.95:
            number, unit = number * factor, longer
    if entry["measure"] == "size":
        return f"+{size_text(number)} a{'n' * (unit == 'hour')} {unit}"
    return f"+{number:,.0f} a{'n' * (unit == 'hour')} {unit}"


def _now_text(entry: _Entry) -> str:
    size = size_text(entry["bytes"])
    return f"{size} now" if entry["measure"] == "size" else f"{entry['count']:,} now, {size}"


def leak_text(entry: _Entry) -> str:
    """
    What the log says, once, of a leak that is proven: how fast it grows and, by the way it is
    held, which edges to cut.
    """
    short = entry["signature"][:_SHORT]
    head = (
        f"LEAK {short}  {entry['kind']}  {rate_text(entry)}, {_now_text(entry)}: {entry['title']}"
    )
    return "\n".join([head, *_trace_lines(entry)])


def _trace_lines(entry: _Entry) -> list[str]:
    trace = entry["trace"]
    lines = [f"  {line['holder']}  {line['edge']} → {line['to']}" for line in trace]
    suspects = [number for number, line in enumerate(trace) if line["suspect"]]
    if not suspects:
        return lines
    width = max(len(lines[number]) for number in suspects) + 2
    for number in suspects:
        lines[number] = f"{lines[number]:{width}}{_underline(trace[number]['edge'])}"
    if entry["measure"] == "count":
        lines[suspects[-1]] += f"  {entry['count']:,} of them"
    left_out = range(_HEAD, suspects[0] - _BEFORE)
    if len(left_out) > 1:
        lines[_HEAD : suspects[0] - _BEFORE] = [f"  … {len(left_out)} more …"]
    return lines


def _underline(edge: str) -> str:
    return "~" * len(edge.lstrip("."))


def settled_text(entry: _Entry) -> str:
    """What the log says of a leak that grows no more."""
    short = entry["signature"][:_SHORT]
    return f"SETTLED {short}  {entry['kind']}  {_now_text(entry)}: {entry['title']}"


def grows_text(entries: Sequence[_Entry]) -> str:
    """What a snapshot's line says of what grows: the first three of it, and how many more."""
    if not entries:
        return "nothing grows"
    shown = ", ".join(
        f"{entry['title']} {rate_text(entry)} to {_number_text(entry)}"
        for entry in entries[:_SHOWN]
    )
    more = len(entries) - _SHOWN
    return f"growing: {shown}" + (f" and {more} more" if more > 0 else "")


def _number_text(entry: _Entry) -> str:
    size: bool = entry["measure"] == "size"
    return size_text(entry["bytes"]) if size else f"{entry['count']:,}"


def proven_text(leaks: int, settled: Sequence[_Entry] = ()) -> str:
    """
    How many leaks are proven.

    :param settled: those that were, the time before, and are no more.
    """
    text = "nothing proven" if not leaks else f"{leaks} leak{'s' * (leaks > 1)} proven"
    titles = ", ".join(entry["title"] for entry in settled)
    return f"{text}; settled: {titles}" if settled else text


def snapshot_text(before: Snapshot | None, snapshot: Snapshot) -> str:
    """
    What a snapshot's line says of the snapshot itself: objects, memory, and what it cost.

    :param before: the one before; ``None``: there was none.
    """
    costs = f"{snapshot.rss / 1e6:,.0f} MB, pause {snapshot.pause * 1000:.1f} ms"
    if not snapshot.objects:  # the child was lost before it said so
        return costs
    change = snapshot.objects - before.objects if before and before.objects else None
    return f"{snapshot.objects:,} objects{'' if change is None else f' ({change:+,})'}, {costs}"
