"""The fault table, each row in care and in plain Twisted, in child processes."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.real.children import reactor_name
from tests.real.faults.runner import cases, failures, faults_in_care, run_all
from tests.real.faults.table import (
    PEERS,
    PRODUCERS,
    PROTOCOLS,
    SERVICES,
    SIGNALS,
    STOPS,
    TABLE,
    UNSENT,
    WORK,
    Row,
)

#: A program must be over so many seconds after its grace; on a busy machine more than the 2 that
#: ``benchmarks/faults.py`` allows.
LATE = 5.0

CONNECTIONS = (*PEERS, *PRODUCERS, *PROTOCOLS, *UNSENT)
BESIDE = (*SERVICES, *WORK)
ENDS = (*STOPS, *SIGNALS)


class FaultTests(SynchronousTestCase):
    """A table that says of each fault what is closed, aborted and abandoned, and what plain does."""

    def check(self, *rows: Row) -> None:
        for case, told in run_all(list(cases(rows, reactor_name()))):
            if case.care:
                wrong = faults_in_care(case, told, LATE)
                self.assertEqual(wrong, [], f"{case}\n{told.log}")
            else:
                self.assertEqual(told.broken, "")
                for row in case.judged:
                    found = failures(row, told)
                    self.assertEqual(found, row.plain, f"{row.fault} in {case}\n{told.log}")

    def test_connections(self) -> None:
        """Each connection ends in time, whatever its peer, its producer or its protocol does."""
        self.check(*CONNECTIONS)

    def test_what_is_beside_connections(self) -> None:
        """Services, triggers, lookups, threads and child processes hold nothing up."""
        self.check(*BESIDE)

    def test_stops_and_signals(self) -> None:
        """Every way to stop ends the program, and a second signal ends it at once."""
        self.check(*ENDS)

    def test_all_rows_are_run(self) -> None:
        """No row of the table is left out."""
        rows = [row for theme in TABLE.values() for row in theme]
        self.assertCountEqual(rows, CONNECTIONS + BESIDE + ENDS)
