"""``txresource why SIGNATURE FILE``: one finding of a report, with all that is known of it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from txresource.cli.desk import FOUND, NOTHING, Answer, Desk, Trouble
from txresource.cli.files import read_report
from txresource.cli.findings import write_entry
from txresource.cli.page import Page
from txresource.cli.sections import SECTIONS, findings_in

__all__ = ("EPILOG", "NAME", "PURPOSE", "add_arguments", "look")

NAME = "why"
PURPOSE = "show one finding of a report: what holds it, and which edge to cut"
EPILOG = """\
SIGNATURE is that of a finding, or the beginning of it where no other begins so.

example:
  txresource why 3f2a91c report.json

exit status:
  0  the finding was there
  1  it was not
  2  the file could not be read, or several findings begin so
"""

#: How much of a signature is shown of several, and of how many.
_SHOWN = 16
_MOST = 5
_CUT = "The edges underlined are those to blame: where one of them is let go, so is what it holds."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("signature", metavar="SIGNATURE", type=_signature, help="see below")
    parser.add_argument("file", metavar="FILE", help="a report; - is the standard input")


def look(arguments: argparse.Namespace, desk: Desk) -> Answer:
    """Find the one whose signature begins as it was said."""
    name, start = arguments.file, arguments.signature
    report = read_report(name)
    found = [
        (section, finding)
        for section in SECTIONS
        for finding in findings_in(report, section, name, desk)
        if finding.signature.startswith(start)
    ]
    titles = {finding.signature: finding.title for _, finding in found}
    if len(titles) > 1:
        raise Trouble(start, _many(start, name, titles))

    def write(page: Page) -> None:
        if not found:
            page.line(f"no finding of {name} has a signature that begins with {start}")
        for section, finding in found:
            write_entry(page, finding, section.word, section.ink, full=True)
        if any(step.suspect for _, finding in found for step in finding.trace):
            page.line(_CUT)

    findings = [{"section": section.key, "finding": finding.data} for section, finding in found]
    # As of grep, and the other way round than what looks for leaks.
    return Answer(NOTHING if found else FOUND, lambda: {"findings": findings}, write)


def _many(start: str, name: str, titles: Mapping[str, str]) -> str:
    first = [f"{signature[:_SHOWN]} ({title})" for signature, title in titles.items()][:_MOST]
    more = f" and {len(titles) - _MOST} more" if len(titles) > _MOST else ""
    return f"{start} begins several findings of {name}, write more of it: {', '.join(first)}{more}"


def _signature(text: str) -> str:
    signature = text.strip().lower()
    if not signature:
        raise argparse.ArgumentTypeError("it takes the beginning of a signature")
    return signature
