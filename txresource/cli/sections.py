"""The lists of findings that a report has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from txresource.cli.desk import Desk, Trouble
from txresource.cli.fields import Fields
from txresource.cli.findings import Entry, read_entry, write_entry
from txresource.cli.page import Ink, Page

__all__ = ("Found", "SECTIONS", "Section", "findings_in", "found_in")


@dataclass(frozen=True, slots=True)
class Section:
    """
    One of the lists.

    :ivar key: its key in the report.
    :ivar word: what one finding of it is called.
    :ivar ink: how that is written.
    :ivar count: what some of them are called in a sentence.
    """

    key: str
    word: str
    ink: Ink
    count: str


SECTIONS = (
    Section("leaks", "LEAK", Ink.LEAK, "proven"),
    Section("growing", "growing", Ink.GROWING, "growing"),
    Section("settled", "settled", Ink.SETTLED, "settled"),
    Section("pressure", "waits for the collector", Ink.FAINT, "waiting for the collector"),
)


def findings_in(
    report: Mapping[str, Any], section: Section, name: str, desk: Desk
) -> tuple[Entry, ...]:
    """
    The findings of one list; the desk is told of each that cannot be read.

    :param name: of the report, for that.
    """
    found = []
    try:
        entries = Fields(report, "the report").items(section.key)
    except ValueError as error:
        desk.note(Trouble(name, f"{name}: {error}"))
        return ()
    for number, entry in enumerate(entries, 1):
        try:
            found.append(read_entry(entry, f"number {number} of its {section.key!r}"))
        except ValueError as error:
            desk.note(Trouble(name, f"{name}: {error}"))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Found:
    """
    All that is found, in lists.

    :ivar lists: each section with its findings.
    :ivar memory: what is proven of memory that Python's objects do not explain, in a sentence;
        empty: nothing.
    """

    lists: tuple[tuple[Section, tuple[Entry, ...]], ...]
    memory: str

    @property
    def proven(self) -> int:
        """How many leaks are proven, memory counted as one."""
        return len(self.lists[0][1]) + bool(self.memory)

    def write(self, page: Page, limit: int) -> None:
        """
        Write how many findings there are, and what they are, with an empty line before each.

        :param limit: how many of each list, leaks excepted; 0: all.
        """
        counts = [f"{self.proven:,} {SECTIONS[0].count}"]
        counts += [f"{len(found):,} {section.count}" for section, found in self.lists[1:] if found]
        page.line(", ".join(counts))
        if self.memory:
            page.line()
            page.line((SECTIONS[0].word, SECTIONS[0].ink), "  ", ("memory", Ink.HEAD))
            page.line("    ", self.memory)
        for section, found in self.lists:
            shown = found[:limit] if limit and section is not SECTIONS[0] else found
            for finding in shown:
                page.line()
                write_entry(page, finding, section.word, section.ink)
            if len(shown) < len(found):
                page.line()
                more = f"{len(found) - len(shown):,} more {section.count}: --limit 0 shows all"
                page.line((more, Ink.FAINT))


def found_in(report: Mapping[str, Any], name: str, desk: Desk) -> Found:
    """
    All that a report has found; the desk is told of what cannot be read.

    :param name: of the report, for that.
    """
    lists = tuple((section, findings_in(report, section, name, desk)) for section in SECTIONS)
    try:
        memory = Fields(report, "the report").inner("memory")
        return Found(lists, "" if memory is None else memory.text("verdict"))
    except ValueError as error:
        desk.note(Trouble(name, f"{name}: {error}"))
        return Found(lists, "")
