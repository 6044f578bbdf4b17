"""A census in the form of Pympler's summaries, and Pympler's own tables of it."""

from __future__ import annotations

from pympler import summary

from txresource.heap.census import Census

__all__ = ("diff_table", "pympler_rows", "table_of")


def pympler_rows(census: Census) -> list[list[str | int]]:
    """A census as a Pympler summary: ``[[type, count, size], …]``.

    :param census: what to convert.
    """
    return [[row.type_name, row.count, row.size] for row in census.rows]


def diff_table(before: Census, after: Census, limit: int = 15) -> str:
    """Pympler's table of what changed, the largest growth first.

    :param before: the earlier census.
    :param after: the later census.
    :param limit: how many rows to show.
    """
    rows = summary.get_diff(pympler_rows(before), pympler_rows(after))
    changed = [row for row in rows if row[1] or row[2]]
    return table_of(changed, limit)


def table_of(rows: list[list[str | int]], limit: int) -> str:
    """Pympler's table of some rows, the largest first.

    :param rows: as of :func:`pympler_rows`.
    :param limit: how many to show.
    """
    return "\n".join(summary.format_(rows, limit=limit))
