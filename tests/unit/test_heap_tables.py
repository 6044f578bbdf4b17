"""A census as Pympler shows it."""

from __future__ import annotations

from pympler import summary
from twisted.trial.unittest import SynchronousTestCase

from txresource.heap.census import Census, Row
from txresource.heap.tables import diff_table, pympler_rows


def census(*rows: Row) -> Census:
    """A census of some rows."""
    return Census(rows, sum(r.count for r in rows), 0, sum(r.size for r in rows))


BEFORE = census(Row("dict", 5, 500), Row("gone", 2, 64), Row("still", 1, 8))
AFTER = census(Row("dict", 7, 900), Row("fresh.Thing", 3, 2048), Row("still", 1, 8))


class TableTests(SynchronousTestCase):
    """Rows and tables."""

    def test_rows(self) -> None:
        """The rows are lists of type, count and size, which Pympler's functions take."""
        self.assertEqual(pympler_rows(BEFORE)[0], ["dict", 5, 500])
        self.assertIn("dict", "\n".join(summary.format_(pympler_rows(BEFORE))))

    def test_difference(self) -> None:
        """The table shows what came and went, the largest growth first, and nothing unchanged."""
        lines = [line.split("|") for line in diff_table(BEFORE, AFTER).splitlines()]
        cells = [[cell.strip() for cell in line] for line in lines[2:]]
        self.assertEqual(
            [c[:2] for c in cells], [["fresh.Thing", "3"], ["dict", "2"], ["gone", "-2"]]
        )
        self.assertEqual(cells[0][2].split(), ["2.00", "KB"])

    def test_limit(self) -> None:
        """No more rows are shown than asked for."""
        self.assertEqual(len(diff_table(BEFORE, AFTER, limit=1).splitlines()), 3)

    def test_nothing_changed(self) -> None:
        """Where nothing changed the table has its head alone."""
        self.assertEqual(len(diff_table(BEFORE, BEFORE).splitlines()), 2)
