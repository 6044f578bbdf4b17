"""Runs programs of the zoo under the real plugin, and reads its reports as they come."""

from __future__ import annotations

import ast
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.real.children import Program

ZOO = Path(__file__).parent
#: Seconds between snapshots of a program that has a pace of its own.
INTERVAL = 0.2
_TWISTD = "from twisted.scripts.twistd import run; run()"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """
    One program of the zoo.

    :param path: its file.
    :param culprits: the edges that should be cut, each as type and edge; any of them is an answer,
        for each leak that it has. None: it does not leak.
    :param both: whether each of the edges is a leak of its own.
    :param every: seconds between its rounds; ``None``: it makes one when it is told to.
    """

    path: Path
    culprits: tuple[str, ...] = ()
    both: bool = False
    every: float | None = None

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.stem

    @property
    def leaks(self) -> list[tuple[str, ...]]:
        """For each leak the edges by which it may be named."""
        if self.both:
            return [(each,) for each in self.culprits]
        return [self.culprits] if self.culprits else []


@dataclass(slots=True)
class Visit:
    """
    What was reported of a program in one run.

    :param exhibit: the program.
    :param cured: whether it was to let go of what it keeps otherwise.
    :param reports: by the number of the snapshot after which each was written.
    :param final: the last one, written when the program had ended.
    :param text: its log.
    """

    exhibit: Exhibit
    cured: bool
    reports: dict[int, dict[str, Any]] = field(default_factory=dict)
    final: dict[str, Any] = field(default_factory=dict)
    text: str = ""

    @property
    def leaks(self) -> list[tuple[str, ...]]:
        """The leaks that it has, each by the edges that name it."""
        return [] if self.cured else self.exhibit.leaks


def read_exhibit(path: Path) -> Exhibit:
    """What a program says of itself in the constants of its file."""
    said: dict[str, Any] = {}
    for node in ast.parse(path.read_text("utf-8")).body:
        name = ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else ""
        if isinstance(node, ast.Assign) and name in ("CULPRITS", "BOTH", "EVERY"):
            said[name] = ast.literal_eval(node.value)
    return Exhibit(
        path, tuple(said.get("CULPRITS", ())), said.get("BOTH", False), said.get("EVERY")
    )


def exhibits(names: Iterable[str] = ()) -> list[Exhibit]:
    """
    The programs of the zoo.

    :param names: of their files, or the paths of others; none: all there are.
    :raises LookupError: there is no such program.
    """
    paths = {path.stem: path for path in sorted(ZOO.glob("*.tac"))}
    chosen = [paths.get(name, Path(name)) for name in names] or list(paths.values())
    for path in chosen:
        if not path.exists():
            raise LookupError(f"there is no program {path} in the zoo: {', '.join(paths)}")
    return [read_exhibit(path.absolute()) for path in chosen]


def visit(
    exhibit: Exhibit,
    *,
    cured: bool = False,
    snapshots: int = 40,
    python: str = sys.executable,
    history: str | None = None,
) -> Visit:
    """
    Run a program until so many snapshots were taken, and end it.

    :param python: the interpreter.
    :param history: the directory for the snapshot files; ``None``: they are not kept.
    """
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        told = exhibit.every is None
        options = ["--interval", "0" if told else str(INTERVAL), "--report", "report.json"]
        options += ["--history", history] if history is not None else []
        program = Program(
            [python, "-c", _TWISTD, "-n", "--pidfile=", "txresource", "--grace", "1"]
            + [*options, "--application", str(exhibit.path)],
            directory,
            ZOO="cured" if cured else "ill",
            ZOO_PACE="signal" if told else "time",
        )
        try:
            return _watch(program, Visit(exhibit, cured), snapshots, directory)
        finally:
            program.close()


def _watch(program: Program, seen: Visit, snapshots: int, directory: str) -> Visit:
    program.wait_line("the zoo is open")
    for number in range(1, snapshots + 1):
        if seen.exhibit.every is None:
            program.signal(signal.SIGUSR1)
            program.wait_line(f"round {number} is over")
            _read_report(seen, directory)
            program.signal(signal.SIGUSR2)
        program.wait_line(rf"\bsnapshot {number}: ")
        # The line comes before the report: this is the one before, or this one.
        _read_report(seen, directory)
    program.signal(signal.SIGTERM)
    program.wait()
    seen.final = _read_report(seen, directory)
    seen.text = program.text()
    _check(seen.exhibit, program.output)
    return seen


def _read_report(seen: Visit, directory: str) -> dict[str, Any]:
    path = os.path.join(directory, "report.json")
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        report: dict[str, Any] = json.load(file)
    seen.reports[report["snapshots"]["taken"]] = report
    return report


def _check(exhibit: Exhibit, output: list[str]) -> None:
    """A program that breaks makes no traffic, and leaks nothing."""
    broken = [number for number, line in enumerate(output) if "Traceback (most recent" in line]
    if broken:
        text = "\n".join(output[max(0, broken[0] - 2) : broken[0] + 20])
        raise AssertionError(f"{exhibit.name} has an error of its own:\n{text}")
