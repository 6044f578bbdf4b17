"""
What ``objgraph.growth`` would say of a program: which types there are more of than ever before.

It counts what the collector tracks, by the last part of a type's name, and shows the ten largest
gains over the highest counts that it has seen. It is asked after each quarter of the run, and
accused is what it shows both times in the second half.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

#: Objects and bytes by the name of their type.
Table = dict[str, tuple[int, int]]

_SHOWN = 10
#: Types whose objects the collector never tracks.
_UNTRACKED = {"bool", "bytearray", "bytes", "code", "complex", "float", "int", "range", "str"}


def accused_by_peaks(quarters: Sequence[Table]) -> set[str]:
    """
    The types that are accused.

    :param quarters: what there was after each quarter of the run.
    """
    peaks: dict[str, int] = {}
    shown = [_growth(table, peaks) for table in quarters]
    return shown[-2] & shown[-1]


def _growth(table: Table, peaks: dict[str, int]) -> set[str]:
    counts: Counter[str] = Counter()
    for name, (count, _) in table.items():
        if name not in _UNTRACKED:
            counts[name.rpartition(".")[2]] += count
    gains = {name: n - peaks.get(name, 0) for name, n in counts.items() if n > peaks.get(name, 0)}
    peaks.update({name: counts[name] for name in gains})
    return set(sorted(gains, key=lambda name: gains[name], reverse=True)[:_SHOWN])
