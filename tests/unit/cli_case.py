"""Commands run in this process, on files of a chat server that keeps every message."""

from __future__ import annotations

import copy
import io
import json
import os
import time
from typing import Any, NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from txresource.cli import main
from txresource.heap.census import Census, Row
from txresource.heap.paths import Path, PathRow, Step, count_kinds
from txresource.leaks.frozen import FrozenHeap, encode_heap

#: When the first snapshot was taken: 2026-09-21 14:13:20 UTC.
BEGAN = 1_790_000_000.0
PID = 4242
#: Enough snapshots for a proof.
MANY = 40

ROOM: Path = (Step("module chat", "module"), Step(".ROOM", "chat.Room"))
MESSAGES: Path = (*ROOM, Step(".messages", "list"))
MESSAGE: Path = (*MESSAGES, Step("[*]", "chat.Message"))
TEXT: Path = (*MESSAGE, Step(".text", "str"))
BUFFER: Path = (*ROOM, Step(".buffer", "bytearray"))

LEAK: dict[str, Any] = {
    "signature": "3f2a91c04b1122334455667788990011aabbccdd",
    "kind": "growth",
    "state": "new",
    "count": 12040,
    "bytes": 674240,
    "title": "chat.Message held by chat.Room.messages",
    "trace": [
        {"holder": "module chat", "edge": ".ROOM", "to": "chat.Room", "suspect": False},
        {"holder": "chat.Room", "edge": ".messages", "to": "list", "suspect": True},
        {"holder": "list", "edge": "[*]", "to": "chat.Message", "suspect": True},
    ],
    "created_at": [],
    "measure": "count",
    "gained": 11960,
    "since": BEGAN + 60,
    "per_minute": 1196.0,
    "share": 1900000,
    "exclusive": 1200000,
    "why_not": None,
}
GROWING: dict[str, Any] = {
    **LEAK,
    "signature": "3f07d2e1c9a8b7c6d5e4f30211223344556677aa",
    "state": "seen",
    "count": 800,
    "bytes": 51200,
    "title": "bytes held by chat.Pages.cache",
    "trace": [
        {"holder": "module chat", "edge": ".PAGES", "to": "chat.Pages", "suspect": False},
        {"holder": "chat.Pages", "edge": ".cache", "to": "dict", "suspect": True},
        {"holder": "dict", "edge": "[*]", "to": "bytes", "suspect": True},
    ],
    "gained": 300,
    "per_minute": 30.0,
    "share": 0,
    "exclusive": 0,
    "why_not": "levelling off",
}
REPORT: dict[str, Any] = {
    "schema": 1,
    "tool": "txresource 0.1.0",
    "pid": PID,
    "started": BEGAN,
    "ended": BEGAN + 660,
    "leaks": [LEAK],
    "growing": [GROWING],
    "settled": [],
    "pressure": [],
    "memory": {
        "rss": 57200000,
        "rss_growth": 3100000,
        "python_bytes": 21000000,
        "python_growth": 2900000,
        "verdict": None,
        "native": [],
        "gc_seconds": 0.31,
    },
    "snapshots": {"taken": 11, "worst_pause_ms": 3.1, "refused": 0, "failed": 0},
    "shutdown": {
        "seconds": 10.4,
        "closed": 31,
        "aborted": 2,
        "abandoned": [
            {
                "what": "service chat.Stuck",
                "created_at": "chat.py:17 in stopService: def stopService(self):",
                "waited": 10.0,
                "error": None,
            }
        ],
    },
}


def report(**changed: Any) -> dict[str, Any]:
    """A report, with some of it changed."""
    return {**copy.deepcopy(REPORT), **changed}


def heap(
    rows: list[PathRow],
    *,
    minute: float = 0,
    pid: int = PID,
    beyond: int = 50_000_000,
    started: float | None = BEGAN,
) -> FrozenHeap:
    """A snapshot of some paths; ``beyond`` is memory that is not Python's."""
    kinds = [Row(kind, count, size) for kind, (count, size) in count_kinds(rows).items()]
    objects, size = sum(row.count for row in rows), sum(row.size for row in rows)
    census = Census(tuple(kinds), objects, objects // 2, size)
    taken_at, rss = BEGAN + 60 * minute, beyond + size
    found = tuple(rows)
    return FrozenHeap(taken_at, rss, 3, pid, objects // 2, objects, size, found, census, started)


def chat(messages: int, *, minute: float = 0, pid: int = PID, buffer: int = 1000) -> FrozenHeap:
    """A snapshot of the chat server when it has kept so many messages."""
    rows = [
        PathRow(ROOM[:1], 1, 72),
        PathRow(ROOM, 1, 48),
        PathRow(MESSAGES, 1, 56 + 8 * messages),
        PathRow(BUFFER, 1, buffer),
    ]
    if messages:
        rows += [PathRow(MESSAGE, messages, 56 * messages), PathRow(TEXT, messages, 60 * messages)]
    return heap(rows, minute=minute, pid=pid)


class Said(NamedTuple):
    """What a command has done."""

    status: int
    out: str
    err: str


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


class CommandTestCase(SynchronousTestCase):
    """A test case with an empty folder, which is the working folder while it runs."""

    def setUp(self) -> None:
        self.addCleanup(os.chdir, os.getcwd())
        folder = self.mktemp()
        os.mkdir(folder)
        os.chdir(folder)

    def write(self, name: str, data: bytes) -> str:
        """Write a file; its name."""
        with open(name, "wb") as file:
            file.write(data)
        return name

    def write_report(self, content: Any, name: str = "report.json") -> str:
        """Write a report; its name."""
        return self.write(name, json.dumps(content).encode())

    def write_heap(self, name: str, content: FrozenHeap) -> str:
        """Write a snapshot; its name."""
        return self.write(name, encode_heap(content))

    def write_history(self, grown: int, *, pid: int = PID, first: int = 0) -> list[str]:
        """Write a folder of snapshots, in each of which so many messages more are kept."""
        os.makedirs("history", exist_ok=True)
        names = []
        for number in range(first, first + MANY):
            content = chat(100 + grown * (number - first), minute=number, pid=pid)
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(content.taken_at))
            names.append(self.write_heap(f"history/heap-{stamp}-{number:06d}.txr.gz", content))
        return names

    def write_all(self) -> None:
        """Write the files that the help and the documents speak of."""
        self.write_report(REPORT)
        self.write_heap("one.txr.gz", chat(80))
        self.write_heap("two.txr.gz", chat(1280, minute=1))
        self.write_heap("three.txr.gz", chat(980, minute=2, buffer=9000))
        self.write_history(50)

    def run_command(self, *argv: str) -> Said:
        """Run a command, as from a pipe into a pipe."""
        out, err = io.StringIO(), io.StringIO()
        status = main(argv, out, err)
        return Said(status, out.getvalue(), err.getvalue())

    def answer(self, *argv: str) -> Any:
        """What a command prints as JSON, and nothing else."""
        said = self.run_command(*argv, "--json")
        self.assertEqual(said.err, "")
        return json.loads(said.out)

    def check_trouble(self, *argv: str, says: str) -> None:
        """A command has trouble, prints nothing but one sentence, which is as JSON there, too."""
        said = self.run_command(*argv)
        self.assertEqual(said, Said(2, "", f"txresource: {says}\n"))
        machine = self.run_command(*argv, "--json")
        self.assertEqual(machine.status, 2)
        problems = json.loads(machine.out)["problems"]
        self.assertEqual([problem["problem"] for problem in problems], [says])
