"""
What ``pympler.tracker`` would say of a program: which types there are more of.

A ``SummaryTracker`` is asked for its diff after each quarter of the run, and each time the 15 rows
that its table shows are read. Accused is what has more objects in both tables of the second half:
whoever trusts the first tables accuses every program that warms up.
"""

from __future__ import annotations

from collections.abc import Sequence

from pympler import summary

#: Objects and bytes by the name of their type.
Table = dict[str, tuple[int, int]]

_SHOWN = 15


def accused_types(quarters: Sequence[Table]) -> set[str]:
    """
    The types that are accused.

    :param quarters: what there was after each quarter of the run.
    """
    rows = [[[name, *both] for name, both in table.items()] for table in quarters]
    shown = [
        _grown(summary.get_diff(before, after))
        for before, after in zip(rows[-3:-1], rows[-2:], strict=True)
    ]
    return shown[0] & shown[1]


def _grown(rows: list[list]) -> set[str]:
    shown = sorted(rows, key=lambda row: row[2], reverse=True)[:_SHOWN]
    return {name for name, count, _ in shown if count > 0}
