"""A finding of a report: as plain data that has been looked at, and as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from txresource.cli.fields import Fields
from txresource.cli.page import Ink, Page
from txresource.cli.words import counted, gain_text, moment
from txresource.leaks.wording import rate_text, size_text

__all__ = ("Edge", "Entry", "read_entry", "write_entry", "write_trace")

#: How much of a signature is shown; it tells any two of a report apart, and can be given to "why".
_SHORT = 10


@dataclass(frozen=True, slots=True)
class Edge:
    """One step of a trace.

    :ivar holder: what holds.
    :ivar edge: by what.
    :ivar to: what is held.
    :ivar suspect: whether it may be the one to cut.
    """

    holder: str
    edge: str
    to: str
    suspect: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """
    What a report says of one thing; ``None`` stands for what it does not say.

    :ivar signature: the same in every run and on every host.
    :ivar kind: growth, retained, stranded, unread or handle.
    :ivar state: new, seen or known.
    :ivar title: what is held by what.
    :ivar count: objects now.
    :ivar size: their bytes.
    :ivar trace: from a named root to it.
    :ivar created_at: the lines that made it.
    :ivar measure: what of it grows: ``count`` or ``size``.
    :ivar gained: objects, or bytes, more than when it began to grow.
    :ivar since: when that was, in seconds since the epoch.
    :ivar per_minute: objects, or bytes, gained a minute.
    :ivar share: bytes of all that it reaches, split among those who reach it.
    :ivar exclusive: bytes that would be free if this alone were cut.
    :ivar why_not: why it is not proven, in a clause.
    :ivar data: the same as it was read.
    """

    signature: str
    kind: str
    state: str
    title: str
    count: float | None
    size: float | None
    trace: tuple[Edge, ...]
    created_at: tuple[str, ...]
    measure: str
    gained: float | None
    since: float | None
    per_minute: float | None
    share: float | None
    exclusive: float | None
    why_not: str
    data: Any


def read_entry(data: Any, what: str) -> Entry:
    """
    Look at a finding as a report has it.

    :param data: plain data.
    :param what: how it is called in errors.
    :raises ValueError: in one sentence, what is wrong with it.
    """
    fields = Fields(data, what)
    numbers = ("count", "gained", "since", "per_minute", "share", "exclusive")
    return Entry(
        signature=fields.text("signature"),
        kind=fields.text("kind", "growth"),
        state=fields.text("state"),
        title=fields.text("title", "something without a title"),
        size=fields.number("bytes"),
        trace=tuple(_edge(Fields(step, f"a step of {what}")) for step in fields.items("trace")),
        created_at=fields.texts("created_at"),
        measure=fields.text("measure", "count"),
        why_not=fields.text("why_not"),
        data=data,
        **{name: fields.number(name) for name in numbers},
    )


def _edge(fields: Fields) -> Edge:
    return Edge(
        fields.text("holder"), fields.text("edge"), fields.text("to"), fields.truth("suspect")
    )


def write_entry(page: Page, finding: Entry, word: str, ink: Ink, *, full: bool = False) -> None:
    """
    Write all that is known of a finding.

    :param word: what it is: ``LEAK``.
    :param full: whether to write the signature in full.
    """
    signature = finding.signature if full else finding.signature[:_SHORT]
    state = f"  ({finding.state})" if finding.state else ""
    page.line((word, ink), "  ", (finding.title, Ink.HEAD), state)
    for text in (signature, *_facts(finding)):
        page.line("    ", text)
    write_trace(page, finding.trace, "    ")
    for line in finding.created_at:
        page.line("    created at ", line)


def _facts(finding: Entry) -> Iterator[str]:
    """Sentences about a finding, as many as it has facts for."""
    now = [] if finding.count is None else [counted(finding.count, "object")]
    now += [] if finding.size is None else [size_text(finding.size)]
    growth = []
    if finding.per_minute is not None:
        growth.append(rate_text({"per_minute": finding.per_minute, "measure": finding.measure}))
    if finding.gained is not None:
        growth.append(f"{gain_text(finding.gained, finding.measure)} in all")
    if finding.since is not None:
        growth.append(f"since {moment(finding.since)}")
    for facts in (now, growth):
        if facts:
            yield ", ".join(facts)
    if finding.exclusive:
        share = f", of {size_text(finding.share)} that it has a share in" if finding.share else ""
        yield f"cutting it alone would free {size_text(finding.exclusive)}{share}"
    if finding.why_not:
        yield f"not proven: {finding.why_not}"


def write_trace(page: Page, trace: tuple[Edge, ...], indent: str) -> None:
    """Write who holds whom, an edge a line, with the suspects underlined."""
    width = min(max((len(step.edge) for step in trace), default=0), 40)
    holder = None
    for step in trace:
        if step.holder != holder:
            page.line(indent, step.holder)
        page.line(
            f"{indent}  ",
            (step.edge, Ink.SUSPECT) if step.suspect else step.edge,
            " " * (width - len(step.edge)) + "  ",
            step.to,
        )
        if step.suspect:
            name = step.edge.lstrip(".")
            start = f"{indent}  " + " " * (len(step.edge) - len(name))
            page.line(start, ("~" * len(name), Ink.SUSPECT))
        holder = step.to
