"""Runs rows of the table in child processes, several at a time, and judges what they tell."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.real.children import ROOT
from tests.real.faults.table import Row

#: Seconds after which plain Twisted is taken for hung; what is in care is given much longer.
PATIENCE = 4.0
HANG = 60.0
#: How many programs run at a time.
AT_ONCE = 12
#: A connection that nothing is wrong with, for the company of what has none.
BYSTANDER = Row("an idle connection", "Idle")


@dataclass
class Told:
    """
    What a program told.

    :ivar faults: what became of each fault, by its name.
    :ivar left: the descriptors, threads and processes that were still there.
    :ivar shutdown: that part of its report; ``None``: there is no report.
    """

    status: int
    log: str
    hung: bool = False
    broken: str = ""
    faults: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: dict[str, Any] = field(default_factory=dict)
    shutdown: dict[str, Any] | None = None


@dataclass(frozen=True)
class Case:
    """Rows that share a process, in care or in plain Twisted."""

    rows: tuple[Row, ...]
    kind: str
    care: bool
    reactor: str = "epoll"

    @property
    def judged(self) -> tuple[Row, ...]:
        """The rows that it is about."""
        return self.rows[-1:] if self.rows[-1].alone else self.rows

    def __str__(self) -> str:
        names = ", ".join(row.fault for row in self.rows)
        return f"{names} over {self.kind} {'in care' if self.care else 'in plain Twisted'}"

    def run(self) -> Told:
        """Run them, and kill whatever is left of it."""
        with tempfile.TemporaryDirectory() as directory:
            report = os.path.join(directory, "report.json")
            process = subprocess.Popen(
                self._command(report),
                cwd=directory,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            try:
                out, log = process.communicate(timeout=2 * HANG)
            finally:
                kill_group(process.pid)
            told = read(process.returncode, out, log)
            if os.path.exists(report):
                with open(report) as file:
                    told.shutdown = json.load(file).get("shutdown")
            return told

    def _command(self, report: str) -> list[str]:
        return [
            *(sys.executable, "-m", "tests.real.faults"),
            *("care" if self.care else "plain", self.kind, str(self.rows[0].grace)),
            *(str(HANG if self.care else PATIENCE), self.reactor, report),
            *(row.fault for row in self.rows),
        ]


def kill_group(pid: int) -> None:
    """Kill what a program left behind: plain Twisted leaves its children."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def read(status: int, out: str, log: str) -> Told:
    """Read what a program told."""
    told = Told(status, log)
    for line in out.splitlines():
        event = json.loads(line)
        told.hung = told.hung or "hung" in event
        told.broken = told.broken or event.get("broken", "")
        told.left = event.get("left", told.left)
        if "fault" in event:
            told.faults[event["fault"]] = event
    return told


def cases(rows: Iterable[Row], reactor: str = "epoll") -> Iterator[Case]:
    """Sort rows into programs: those that must be alone, and the rest by their grace."""
    rows = tuple(rows)
    for care in (True, False):
        for row in rows:
            if row.alone:
                company = (BYSTANDER,) if row.lonely() else ()
                yield Case((*company, row), "tcp", care, reactor)
        for kind in ("tcp", "tls"):
            together: dict[float, list[Row]] = {}
            for row in rows:
                if not row.alone and kind in row.kinds():
                    together.setdefault(row.grace, []).append(row)
            for shared in together.values():
                yield Case(tuple(shared), kind, care, reactor)


def run_all(todo: Sequence[Case]) -> Iterator[tuple[Case, Told]]:
    """Run them, several at a time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from zip(todo, pool.map(Case.run, todo), strict=True)


def failures(row: Row, told: Told) -> frozenset[str]:
    """Which of the promises were not kept for a row."""
    if told.hung:
        return frozenset({"ends"})
    if row.fault not in told.faults:  # right where the signal is to end it before it can tell
        died = row.untold and told.status == row.status
        return frozenset() if died else frozenset({"untold"})
    # Where it is in company of the idle connection alone, it is responsible for that as well.
    mine = [told.faults[name] for name in (row.fault, "Idle") if name in told.faults]
    found = {
        "lost": any(losses != 1 for fault in mine for losses in fault["lost"]),
        "fired": any(fault["fired"] != fault["waits"] for fault in mine),
        "whole": not all(fault["whole"] for fault in mine),
        "twice": any(fault["twice"] for fault in mine),
        "left": any(fault["sockets"] for fault in mine) or (row.alone and bool(rest(row, told))),
    }
    return frozenset(name for name, failed in found.items() if failed)


def rest(row: Row, told: Told) -> dict[str, Any]:
    """What is left, but for a thread that nobody can end."""
    allowed = ("threads",) if row.stuck else ()
    return {name: left for name, left in told.left.items() if left and name not in allowed}


def faults_in_care(case: Case, told: Told, late: float) -> list[str]:
    """
    What is wrong with a program in care; a line each.

    :param late: seconds past the grace within which it must be over.
    """
    wrong = [told.broken] if told.broken else []
    for row in case.judged:
        promised = row.plain if row.untold else frozenset()
        if failures(row, told) != promised:
            wrong.append(f"{row.fault}: {sorted(failures(row, told))} {told.faults}")
        if told.status != row.status:
            wrong.append(f"{row.fault}: exit status {told.status}")
    if case.rows[-1].untold:
        return wrong
    for row in case.rows:
        lost = told.faults.get(row.fault, {}).get("lost", [])
        if len(lost) != row.lost(case.kind):
            wrong.append(f"{row.fault}: {len(lost)} protocols")
    if left := rest(case.rows[-1], told):
        wrong.append(f"left: {left}")
    if told.shutdown is None:
        return [*wrong, "no report"]
    return [*wrong, *wrong_counts(case, told.shutdown, late)]


def wrong_counts(case: Case, shutdown: dict[str, Any], late: float) -> Iterator[str]:
    """What is wrong with a report."""
    closed: Counter[str] = Counter()
    aborted: Counter[str] = Counter()
    for row in case.rows:
        more_closed, more_aborted = row.outcome(case.kind)
        closed, aborted = closed + more_closed, aborted + more_aborted
    told = {how: Counter(kinds) for how, kinds in shutdown["kinds"].items()}
    if [shutdown[how] for how in told] != [counts.total() for counts in told.values()]:
        yield f"the sums of the report are wrong: {shutdown}"
    # A port is aborted as it is closed; which comes first is up to the reactor when both are told.
    told["closed"]["port"] += told["aborted"].pop("port", 0)
    if told != {"closed": closed, "aborted": aborted}:
        yield f"the report says {shutdown['kinds']}, and should say {closed}, {aborted}"
    named = [gone["what"].partition(" (")[0] for gone in shutdown["abandoned"]]
    expected = [what for row in case.rows for what in row.abandoned]
    if named != expected:
        yield f"abandoned {named}, and should be {expected}"
    if shutdown["seconds"] > case.rows[0].grace + late:
        yield f"it took {shutdown['seconds']} s with a grace of {case.rows[0].grace} s"
