"""The history of growth as bytes."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from txresource.heap.paths import Path, Step, decode_counted, encode_counted
from txresource.leaks.ladder import Ladder, Series
from txresource.leaks.tallies import Tallies, Tally

__all__ = ("Form", "GROWTH_SCHEMA", "Leak", "pack", "unpack")

#: The version of the form; what reads one reads all before it.
GROWTH_SCHEMA = 1
#: Fast: nobody keeps these bytes for longer than until the next snapshot.
_LEVEL = 3


class Leak(NamedTuple):
    """
    What was proven to be a leak.

    :ivar measure: ``"count"`` or ``"size"``.
    :ivar gained: objects, or bytes, gained when it was last proven.
    :ivar since: seconds since the epoch when the growth began.
    :ivar seconds: for how long it had lasted.
    """

    measure: str
    gained: int
    since: float
    seconds: float


class Form(NamedTuple):
    """
    All that a history holds.

    :ivar snapshots: how many it has taken in.
    :ivar ladder: the windows of its numbers.
    :ivar load: the open connections.
    :ivar tallies: what is known of each path.
    :ivar growing: which of them grow.
    :ivar leaks: what was proven, and when.
    """

    snapshots: int
    ladder: Ladder
    load: Series
    tallies: Tallies
    growing: tuple[Path, ...]
    leaks: dict[Path, Leak]


def pack(form: Form) -> bytes:
    """
    A history as bytes: compressed JSON.

    :param form: what it holds.
    """
    alone = form.ladder.widths.count(1)
    still = sorted(form.tallies.still.items())
    moving = sorted(form.tallies.moving.items())
    changed = [
        [number, which, *_deltas(series, alone)]
        for number, (_, tally) in enumerate(moving)
        for which, series in enumerate((tally.count, tally.size))
        if series.lows
    ]
    data = {
        "schema": GROWTH_SCHEMA,
        "snapshots": form.snapshots,
        "widths": form.ladder.widths,
        "ends": form.ladder.ends,
        "load": [form.load.base, *_deltas(form.load, alone)],
        "still": encode_counted((path, *numbers) for path, numbers in still),
        # A row of no objects is no row, so all counts are one more.
        "moving": encode_counted(
            (path, tally.count.base + 1, tally.size.base) for path, tally in moving
        ),
        "absent": [[n, tally.absent] for n, (_, tally) in enumerate(moving) if tally.absent],
        "changed": changed,
        "growing": form.growing,
        "leaks": [[path, *leak] for path, leak in form.leaks.items()],
    }
    return zlib.compress(json.dumps(data, separators=(",", ":")).encode("ascii"), _LEVEL)


def unpack(data: bytes) -> Form:
    """
    The history that :func:`pack` made bytes.

    :param data: the bytes.
    :raises ValueError: in one sentence, why they are none.
    """
    try:
        fields = json.loads(zlib.decompress(data))
        schema = fields["schema"]
        if schema != GROWTH_SCHEMA:
            raise ValueError(f"it has schema {schema}, and this version reads {GROWTH_SCHEMA}")
        return _read(fields)
    except (zlib.error, IndexError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"this is no history of growth: {error}") from error


def _read(fields: Mapping[str, Any]) -> Form:
    ladder = Ladder(fields["widths"], fields["ends"])
    rows = decode_counted(fields["moving"])
    found = [Tally(Series(count - 1), Series(size)) for _, count, size in rows]
    for number, which, lows, spreads in fields["changed"]:
        tally = found[number]
        series = _series(tally.size.base if which else tally.count.base, lows, spreads)
        if which:
            tally.size = series
        else:
            tally.count = series
    for number, absent in fields["absent"]:
        found[number].absent = absent
    tallies = Tallies()
    tallies.still = {path: (count, size) for path, count, size in decode_counted(fields["still"])}
    tallies.moving = {row[0]: tally for row, tally in zip(rows, found, strict=True)}
    return Form(
        fields["snapshots"],
        ladder,
        _series(*fields["load"]),
        tallies,
        tuple(_path(steps) for steps in fields["growing"]),
        {_path(steps): Leak(*leak) for steps, *leak in fields["leaks"]},
    )


def _path(steps: Any) -> Path:
    return tuple(Step(edge, kind) for edge, kind in steps)


def _deltas(series: Series, alone: int) -> list[list[int]]:
    """Small numbers, that compress well; in a window of one snapshot low and high are one."""
    base, wide = series.base, max(0, len(series.lows) - alone)
    spreads = [high - low for low, high in zip(series.lows[:wide], series.highs, strict=False)]
    return [[low - base for low in series.lows], spreads]


def _series(base: int, deltas: Sequence[int], spreads: Sequence[int]) -> Series:
    lows = [base + delta for delta in deltas]
    highs = [low + spread for low, spread in zip(lows, spreads, strict=False)] + lows[
        len(spreads) :
    ]
    return Series(base, lows, highs)
