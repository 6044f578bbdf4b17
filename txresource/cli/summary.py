"""What a report says beside its findings, a line for each part."""

from __future__ import annotations

from collections.abc import Iterator

from txresource.cli.fields import Fields
from txresource.cli.words import gain_text, moment
from txresource.leaks.wording import size_text

__all__ = ("head_lines", "memory_lines", "shutdown_lines", "snapshot_lines")


def head_lines(report: Fields) -> Iterator[str]:
    """Whose report it is, and of which time."""
    pid, started, ended = (report.number(key) for key in ("pid", "started", "ended"))
    process = "a process" if pid is None else f"process {pid:.0f}"
    end = "its end is not reported" if ended is None else f"ended {moment(ended)}"
    yield f"{report.text('tool')}, {process}, watched from {moment(started)}; {end}"


def memory_lines(report: Fields) -> Iterator[str]:
    """The memory of the process, and what of it Python's objects explain."""
    memory = report.inner("memory")
    if memory is None:
        return
    names = {"rss": "resident", "python_bytes": "in Python objects"}
    growths = {"rss": "rss_growth", "python_bytes": "python_growth"}
    parts = []
    for key, name in names.items():
        size, growth = memory.number(key), memory.number(growths[key])
        if size is not None:
            grown = "" if growth is None else f" ({gain_text(growth, 'size')})"
            parts.append(f"{size_text(size)} {name}{grown}")
    seconds = memory.number("gc_seconds")
    if seconds is not None:
        parts.append(f"{seconds:.1f} s in the garbage collector")
    if parts:
        yield f"memory: {', '.join(parts)}"
    native = [_native(Fields(holder, "a native holder")) for holder in memory.items("native")]
    if native:
        yield f"    native memory, an estimate: {', '.join(native)}"


def _native(holder: Fields) -> str:
    count, size = holder.number("count") or 0, holder.number("bytes") or 0
    return f"{size_text(size)} of {count:,.0f} {holder.text('type', 'something')}"


def snapshot_lines(report: Fields) -> Iterator[str]:
    """How many snapshots there were, and what became of them."""
    snapshots = report.inner("snapshots")
    if snapshots is None:
        return
    parts = [
        f"{number:,.0f} {key}"
        for key in ("taken", "refused", "failed")
        if (number := snapshots.number(key)) is not None
    ]
    pause = snapshots.number("worst_pause_ms")
    if pause is not None:
        parts.append(f"longest pause {pause:.1f} ms")
    if parts:
        yield f"snapshots: {', '.join(parts)}"


def shutdown_lines(report: Fields) -> Iterator[str]:
    """What became of what was open when the program ended, with what was abandoned."""
    shutdown = report.inner("shutdown")
    if shutdown is None:
        return
    abandoned = [Fields(gone, "an abandoned thing") for gone in shutdown.items("abandoned")]
    parts = [
        f"{number:,.0f} {key}"
        for key in ("closed", "aborted")
        if (number := shutdown.number(key)) is not None
    ]
    seconds = shutdown.number("seconds")
    time = "" if seconds is None else f" in {seconds:.1f} s"
    yield f"shutdown: {', '.join([*parts, f'{len(abandoned):,} abandoned'])}{time}"
    for gone in abandoned:
        yield f"    abandoned {_abandoned(gone)}"


def _abandoned(gone: Fields) -> str:
    made, error, waited = gone.text("created_at"), gone.text("error"), gone.number("waited")
    return "".join(
        (
            gone.text("what", "something without a name"),
            f": {error}" if error else "",
            "" if waited is None else f", waited for {waited:.1f} s",
            f"  [{made}]" if made else "",
        )
    )
