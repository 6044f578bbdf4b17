"""``txresource growth FILES``: what the snapshots of a program prove, judged once more."""

from __future__ import annotations

import argparse
import math
import os
from typing import Any, NamedTuple

from txresource.cli.desk import FOUND, NOTHING, Answer, Desk, Trouble
from txresource.cli.fields import Fields
from txresource.cli.files import STDIN, read_bytes, snapshot_of
from txresource.cli.options import add_limit
from txresource.cli.page import Ink, Page
from txresource.cli.sections import found_in
from txresource.cli.summary import memory_lines
from txresource.cli.words import counted, moment
from txresource.leaks.accounts import Account, MemoryAccounts
from txresource.leaks.entries import entry_of
from txresource.leaks.frozen import FrozenHeap
from txresource.leaks.growth import GrowthHistory
from txresource.leaks.historyfiles import history_files
from txresource.leaks.native import native_holders

__all__ = ("EPILOG", "NAME", "PURPOSE", "add_arguments", "look")

NAME = "growth"
PURPOSE = "show what snapshots prove, as the program itself would have judged them"
EPILOG = """\
FILES are those of --history, or folders of them; they are judged in the order in which they were
taken. Those of one process are: that of the last one, or that of --pid.

example:
  txresource growth history/

exit status:
  0  no leak is proven
  1  a leak is proven
  2  a file could not be read; the others are judged all the same
"""


class _Taken(NamedTuple):
    """A snapshot of which only its place is kept: a thousand of them would fill the memory.

    ``started`` is 0 where nobody said it. ``data`` is that of one that cannot be read twice, as from a pipe.
    """

    taken_at: float
    pid: int
    started: float
    name: str
    data: bytes | None

    @property
    def process(self) -> tuple[int, float]:
        """Which process it was: in a container that is started again the number is the same."""
        return self.pid, self.started


class _Judgement:
    """What a running program keeps of its snapshots, and which ones it has been told of."""

    def __init__(self) -> None:
        self.history = GrowthHistory()
        self.accounts = MemoryAccounts()
        self.judged: list[_Taken] = []

    def follows(self, place: _Taken) -> bool:
        """Whether it can be told of this one next."""
        last = self.judged[-1] if self.judged else place._replace(taken_at=-math.inf)
        return place.process == last.process and place.taken_at > last.taken_at

    def add(self, place: _Taken, heap: FrozenHeap) -> None:
        """Tell it of one more."""
        self.history.update(heap)
        native = {str(k): (int(n), int(size)) for k, n, size in native_holders(heap.census)}
        self.accounts.update(Account(heap.taken_at, heap.rss, heap.size or None, heap.load, native))
        self.judged.append(place)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="a snapshot, or a folder of them")
    parser.add_argument("--pid", type=int, metavar="N", help="judge the snapshots of this process")
    add_limit(parser, 10, "findings of each list that is not of leaks")


def look(arguments: argparse.Namespace, desk: Desk) -> Answer:
    """Read the snapshots in their order, and answer with what they prove."""
    names = [name for given in arguments.files for name in _inside(given, desk)]
    judgement, left_out = _judge(list(dict.fromkeys(names)), arguments.pid, desk)
    judged = judgement.judged
    found = judgement.history.findings()
    lists = {"leaks": found.proven, "growing": found.growing, "settled": found.settled}
    document: dict[str, Any] = {
        "judged": [_place(place) for place in judged],
        "left_out": [{"name": name, "why": why} for name, why in left_out.items()],
        **{key: [entry_of(finding) for finding in findings] for key, findings in lists.items()},
        "memory": judgement.accounts.as_report(),
    }
    verdict = found_in(document, NAME, desk)

    def write(page: Page) -> None:
        page.line(_describe(judged))
        for name, why in left_out.items():
            page.line((f"left out: {name}: {why}", Ink.FAINT))
        verdict.write(page, arguments.limit)
        for line in memory_lines(Fields(document, NAME)):
            page.line()
            page.line(line)

    return Answer(FOUND if verdict.proven else NOTHING, lambda: document, write)


def _inside(name: str, desk: Desk) -> list[str]:
    """The snapshots in a folder; anything else is one itself."""
    if name == STDIN or not os.path.isdir(name):
        return [name]
    try:
        return history_files(name)
    except OSError as error:
        desk.note(Trouble(name, f"{name} cannot be read: {error.strerror}"))
        return []


def _judge(names: list[str], pid: int | None, desk: Desk) -> tuple[_Judgement, dict[str, str]]:
    """
    Judge the snapshots in their order; the desk is told of those that cannot be read.

    :param pid: of which process; ``None``: of the last one.
    :returns: the judgement, and why the others were left out.
    """
    judgement, places = _Judgement(), []
    for name in desk.each(names, "snapshots"):
        try:
            data = read_bytes(name)
            heap = snapshot_of(name, data)
        except Trouble as trouble:
            desk.note(trouble)
            continue
        kept = None if os.path.isfile(name) else data
        place = _Taken(heap.taken_at, heap.pid, heap.started or 0.0, name, kept)
        places.append(place)
        if pid in (None, place.pid) and judgement.follows(place):
            judgement.add(place, heap)
    chosen, left_out = _choose(sorted(places), pid)
    if chosen != judgement.judged:  # they were not in their order, or of another process at first
        judgement = _judge_again(chosen, desk)
    return judgement, left_out


def _judge_again(places: list[_Taken], desk: Desk) -> _Judgement:
    judgement = _Judgement()
    for place in desk.each(places, "snapshots"):
        try:
            data = read_bytes(place.name) if place.data is None else place.data
            judgement.add(place, snapshot_of(place.name, data))
        except Trouble as trouble:  # the program may have removed it in between
            desk.note(trouble)
    return judgement


def _choose(places: list[_Taken], pid: int | None) -> tuple[list[_Taken], dict[str, str]]:
    """Which ones to judge, in their order, and why the others are not."""
    last = max((place for place in places if pid in (None, place.pid)), default=None)
    judged: dict[float, _Taken] = {}
    left_out = {}
    for place in places:
        if last is None or place.pid != last.pid:
            which = pid if last is None else last.pid
            left_out[place.name] = f"it is of process {place.pid}, not of {which}"
        elif place.started != last.started:
            left_out[place.name] = f"it is of process {place.pid} before it was started again"
        elif place.taken_at in judged:
            left_out[place.name] = f"it is the same snapshot as {judged[place.taken_at].name}"
        else:
            judged[place.taken_at] = place
    return list(judged.values()), left_out


def _place(place: _Taken) -> dict[str, Any]:
    return {"name": place.name, "taken_at": place.taken_at, "pid": place.pid}


def _describe(judged: list[_Taken]) -> str:
    if not judged:
        return "no snapshot to judge"
    first, last = judged[0], judged[-1]
    return (
        f"{counted(len(judged), 'snapshot')} of process {first.pid},"
        f" from {moment(first.taken_at)} to {moment(last.taken_at)}"
    )
