"""``txresource report FILE``: a report as text."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

from txresource.cli.desk import FOUND, NOTHING, Answer, Desk, Trouble
from txresource.cli.fields import Fields
from txresource.cli.files import read_report
from txresource.cli.options import add_limit
from txresource.cli.page import Page
from txresource.cli.sections import found_in
from txresource.cli.summary import head_lines, memory_lines, shutdown_lines, snapshot_lines

__all__ = ("EPILOG", "NAME", "PURPOSE", "add_arguments", "look")

NAME = "report"
PURPOSE = "show a JSON report of --report as text"
EPILOG = """\
example:
  txresource report report.json

exit status:
  0  no leak is proven
  1  a leak is proven
  2  the file, or a part of it, could not be read
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("file", metavar="FILE", help="a report; - is the standard input")
    add_limit(parser, 10, "findings of each list that is not of leaks")


def look(arguments: argparse.Namespace, desk: Desk) -> Answer:
    """Read the report, and answer with what it says."""
    name = arguments.file
    report = read_report(name)
    verdict = found_in(report, name, desk)
    fields = Fields(report, "the report")

    def lines_of(part: Callable[[Fields], Iterator[str]]) -> list[str]:
        try:
            return list(part(fields))
        except ValueError as error:
            desk.note(Trouble(name, f"{name}: {error}"))
            return []

    head = lines_of(head_lines)
    tail = [
        line for part in (memory_lines, snapshot_lines, shutdown_lines) for line in lines_of(part)
    ]

    def write(page: Page) -> None:
        for line in head:
            page.line(line)
        verdict.write(page, arguments.limit)
        page.line()
        for line in tail:
            page.line(line)

    return Answer(FOUND if verdict.proven else NOTHING, lambda: {"report": report}, write)
