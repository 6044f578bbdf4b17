"""``txresource diff A B [C]``: what one snapshot has more of than another."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from txresource.cli.desk import FOUND, NOTHING, Answer, Desk
from txresource.cli.differences import Change, PathGroup, groups, path_changes, type_changes
from txresource.cli.files import read_snapshot
from txresource.cli.options import add_limit
from txresource.cli.page import Ink, Page
from txresource.cli.words import counted, gain_text, moment
from txresource.heap.paths import Path, path_text
from txresource.heap.tables import table_of
from txresource.leaks.frozen import FrozenHeap
from txresource.leaks.wording import size_text

__all__ = ("EPILOG", "NAME", "PURPOSE", "add_arguments", "look")

NAME = "diff"
PURPOSE = "show what is more in snapshot B than in A, or, with C, what of it is still there"
EPILOG = """\
A, B and C are files of --history. With C: what was allocated from A to B and is still in C.
Objects have no identity in a snapshot: what was replaced by as many of its kind counts as there.

examples:
  txresource diff one.txr.gz two.txr.gz
  txresource diff one.txr.gz two.txr.gz three.txr.gz

exit status:
  0  nothing is more
  1  something is
  2  a file could not be read
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("first", metavar="A", help="a snapshot; - is the standard input")
    parser.add_argument("second", metavar="B", help="a later one")
    parser.add_argument("third", metavar="C", nargs="?", help="one that is later still")
    add_limit(parser, 15, "paths and types")


def look(arguments: argparse.Namespace, desk: Desk) -> Answer:
    """Read the snapshots, and answer with what became more."""
    names = [n for n in (arguments.first, arguments.second, arguments.third) if n is not None]
    heaps = [read_snapshot(name) for name in desk.each(names, "snapshots")]
    three = heaps[0], heaps[1], heaps[-1]
    paths, types, notes = path_changes(*three), type_changes(*three), _notes(heaps)
    found = groups(paths)

    def write(page: Page) -> None:
        _write_head(page, names, heaps, notes)
        what = "more in B than in A" if len(heaps) == 2 else "allocated from A to B, still in C"
        if not paths and not types:
            page.line(f"nothing is {what}")
            return
        _write_groups(page, f"{what}, by path:", found, arguments.limit, len(heaps) == 3)
        page.line()
        page.line((f"{what}, by type:", Ink.HEAD))
        rows: list[list[str | int]] = [[n, c.count, c.size] for n, c in types.items()]
        page.block(table_of(rows, arguments.limit or len(rows)))

    def document() -> dict[str, Any]:
        return {
            "snapshots": [_snapshot(*pair) for pair in zip(names, heaps, strict=True)],
            "notes": notes,
            "groups": [_group(group) for group in found],
            "paths": [{**_path(path), **_change(change)} for path, change in paths.items()],
            "types": [{"type": name, **_change(change)} for name, change in types.items()],
        }

    return Answer(FOUND if paths or types else NOTHING, document, write)


def _notes(heaps: Sequence[FrozenHeap]) -> list[str]:
    """What makes a difference mean something else than it seems to."""
    notes = []
    letters = "ABC"
    for (before, after), (one, other) in zip(pairwise(heaps), pairwise(letters), strict=False):
        if after.taken_at < before.taken_at:
            notes.append(f"{other} was taken before {one}")
        if after.pid != before.pid:
            notes.append(f"{one} and {other} are of two processes, {before.pid} and {after.pid}")
    return notes


def _write_head(
    page: Page, names: Sequence[str], heaps: Sequence[FrozenHeap], notes: Sequence[str]
) -> None:
    for letter, name, heap in zip("ABC", names, heaps, strict=False):
        facts = (
            f"process {heap.pid}",
            counted(heap.objects, "object"),
            size_text(heap.size),
            f"{size_text(heap.rss)} resident",
        )
        page.line((letter, Ink.HEAD), f"  {moment(heap.taken_at)}, {', '.join(facts)}  {name}")
    for note in notes:
        page.line((f"note: {note}", Ink.GROWING))
    page.line()


def _write_groups(
    page: Page, title: str, found: Sequence[PathGroup], limit: int, three: bool
) -> None:
    page.line((title, Ink.HEAD))
    shown = found[: limit or None]
    for group in shown:
        page.line(
            (f"  {_amount(group.change.count, group.change.size)}", Ink.GROWING),
            _more(group, three),
        )
        page.line("      ", path_text(group.path))
    if len(shown) < len(found):
        page.line((f"  {len(found) - len(shown):,} more: --limit 0 shows all", Ink.FAINT))


def _amount(count: int, size: int) -> str:
    objects = [gain_text(count, "count")] if count else []
    return ", ".join([*objects, gain_text(size, "size")])


def _more(group: PathGroup, three: bool) -> str:
    change, facts = group.change, []
    if three:
        facts.append(f"allocated: {_amount(change.allocated_count, change.allocated_size)}")
    if group.below_count or group.below_size:
        facts.append(f"below: {_amount(group.below_count, group.below_size)}")
    return f"  ({'; '.join(facts)})" if facts else ""


def _snapshot(name: str, heap: FrozenHeap) -> dict[str, Any]:
    keys = ("taken_at", "pid", "rss", "load", "gc_objects", "objects", "size")
    return {"name": name, **{key: getattr(heap, key) for key in keys}}


def _path(path: Path) -> dict[str, Any]:
    steps = [{"edge": step.edge, "kind": step.kind} for step in path]
    return {"text": path_text(path), "path": steps}


def _change(change: Change) -> dict[str, int]:
    keys = ("count", "size", "allocated_count", "allocated_size", "now")
    return {key: getattr(change, key) for key in keys}


def _group(group: PathGroup) -> dict[str, Any]:
    return {
        **_path(group.path),
        **_change(group.change),
        "below_count": group.below_count,
        "below_size": group.below_size,
    }
