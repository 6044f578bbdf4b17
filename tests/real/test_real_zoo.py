"""Programs that leak, and programs that only look like it, under the real plugin.

They are few and run beside each other; ``benchmarks/zoo.py`` runs all there are.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.real.apart import apart
from tests.real.children import PROGRAMS, Program, twistd_command
from tests.zoo.running import Visit, exhibits, visit
from tests.zoo.verdicts import judge, suspects
from txresource.leaks.frozen import decode_heap
from txresource.leaks.historyfiles import history_files

testSuite = apart(__name__)

GROWING = str(PROGRAMS / "growing.tac")
#: Fewer than the benchmark takes: what leaks here leaks at once, and what is bounded is so soon.
SNAPSHOTS = 27


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What a program has said, and left behind.

    :ivar visit: its reports and its log.
    :ivar modes: the access rights of each file of its history.
    :ivar counts: how many members each of them has.
    """

    visit: Visit
    modes: tuple[int, ...]
    counts: tuple[int, ...]


def see(cured: bool) -> Seen:
    """Run a chat room that keeps its members, or lets go of them."""
    [exhibit] = exhibits(["leak_list"])
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        seen = visit(exhibit, cured=cured, snapshots=SNAPSHOTS, history=folder)
        files = [Path(name) for name in history_files(folder)]
        modes = tuple(stat.S_IMODE(file.stat().st_mode) for file in files)
        return Seen(seen, modes, tuple(map(members_in, files)))


def members_in(file: Path) -> int:
    """How many members a snapshot file has."""
    rows = decode_heap(file.read_bytes()).rows
    return sum(row.count for row in rows if row.path[-1].kind == "Member")


def grow_natively() -> tuple[str, dict[str, Any]]:
    """Run a program whose memory grows, and whose objects do not; its log and its last report."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        options = ("--interval=0.05", "--report=report.json", "--application", GROWING)
        program = Program(twistd_command("txresource", *options), directory, GROWS="natively")
        try:
            for number in range(1, SNAPSHOTS + 1):
                # Each within a time of its own: children run when nothing else does.
                program.wait_line(rf"snapshot {number}: ")
            program.signal(signal.SIGINT)
            program.wait()
        finally:
            program.close()
        with open(os.path.join(directory, "report.json"), encoding="utf-8") as file:
            return program.text(), json.load(file)


@cache
def outcomes() -> tuple[Seen, Seen, tuple[str, dict[str, Any]]]:
    """What came of a room that keeps, of one that lets go, and of what grows natively."""
    with ThreadPoolExecutor(3) as pool:
        kept, cured, native = (
            pool.submit(see, False),
            pool.submit(see, True),
            pool.submit(grow_natively),
        )
        return kept.result(), cured.result(), native.result()


class ZooTests(SynchronousTestCase):
    """What is proven, and what is not."""

    def test_leak(self) -> None:
        """
        A leak is one block in the log and one entry of the report, with the way that holds it and
        the edges to cut; no value is in either. Each snapshot is a file that nobody else may read.
        """
        kept = outcomes()[0]
        verdict, text = judge(kept.visit), kept.visit.text
        self.assertEqual((verdict.found, verdict.named), (1, 1), verdict)
        self.assertEqual(text.count("LEAK"), 1, text)
        (leak,) = kept.visit.final["leaks"]
        self.assertEqual(leak["title"], "Member held by Room.members")
        self.assertEqual(suspects(leak), ["Room.members", "list[*]"])
        self.assertEqual((leak["kind"], leak["state"]), ("growth", "new"))
        self.assertIn(f"LEAK {leak['signature'][:6]}  growth  +", text)
        self.assertIn("1 leak proven", text)
        self.assertIsNone(kept.visit.final["memory"]["verdict"])
        self.assertEqual((len(kept.counts), set(kept.modes)), (SNAPSHOTS, {0o600}))
        self.assertEqual(list(kept.counts), sorted(set(kept.counts)))
        self.assertNotIn("hello", text + json.dumps(kept.visit.final))

    def test_cure_is_silent(self) -> None:
        """Of the program that lets go of what it kept nothing is proven, at no time."""
        cured = outcomes()[1]
        verdict = judge(cured.visit)
        self.assertEqual((verdict.false, verdict.withdrawn), ((), ()))
        self.assertNotIn("LEAK", cured.visit.text)

    def test_native(self) -> None:
        """
        A program whose memory grows while its Python objects do not is told exactly that; of
        caches that fill, and of what turns over, nothing is proven at any time.
        """
        text, report = outcomes()[2]
        self.assertRegex(
            text,
            r"MEMORY RSS grew by [\d.]+ MB in \d+ \w+; Python objects explain [\d.]+ (bytes|kB|MB):"
            r" look for native memory",
        )
        self.assertEqual((text.count("MEMORY"), text.count("LEAK")), (1, 0), text)
        self.assertEqual(report["leaks"], [])
        self.assertIn("look for native memory", report["memory"]["verdict"])
        self.assertGreater(report["memory"]["rss_growth"], 8_000_000)
