"""The folder of snapshot files: whole files, in order, and never too many."""

from __future__ import annotations

import os
import stat
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txresource.leaks.historyfiles import MOST_FILES, HistoryFolder, history_files, thinned

NOON = 1_800_000_000.0


class FolderTests(SynchronousTestCase):
    """What is in the folder."""

    def setUp(self) -> None:
        """A folder of the test's own."""
        self.path = Path(self.mktemp())
        self.path.mkdir(parents=True)
        self.folder = HistoryFolder(str(self.path))

    def contents(self) -> list[bytes]:
        """What the files hold, in their order."""
        return [Path(path).read_bytes() for path in history_files(str(self.path))]

    def test_kept(self) -> None:
        """A snapshot is a file of its bytes, named by its time, for its owner's eyes alone."""
        path = self.folder.keep(b"one", NOON)
        self.assertEqual(os.path.basename(path), "heap-20270115T080000Z-000000.txr.gz")
        self.assertEqual(Path(path).read_bytes(), b"one")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(os.listdir(self.path), [os.path.basename(path)])

    def test_order(self) -> None:
        """The files are in the order in which they were kept, and so are their names."""
        for number in range(12):
            self.folder.keep(b"%d" % number, NOON + number)
        self.assertEqual(self.contents(), [b"%d" % number for number in range(12)])
        paths = history_files(str(self.path))
        self.assertEqual(paths, sorted(paths))

    def test_clock_set_back(self) -> None:
        """A clock that was set back changes nothing about the order."""
        self.folder.keep(b"0", NOON)
        self.folder.keep(b"1", NOON - 3600)
        self.assertEqual(self.contents(), [b"0", b"1"])

    def test_bounded(self) -> None:
        """However many are kept, no more than a fixed number of files is there, the newest one
        among them."""
        folder = HistoryFolder(str(self.path), most=8)
        for number in range(100):
            folder.keep(b"%d" % number, NOON + number)
            self.assertLessEqual(len(os.listdir(self.path)), 9)
        self.assertEqual(self.contents(), [b"0", b"16", b"32", b"48", b"64", b"80", b"96", b"99"])

    def test_restart(self) -> None:
        """Another process goes on in the same folder, within the same bound."""
        for number in range(20):
            HistoryFolder(str(self.path), most=4).keep(b"%d" % number, NOON + number)
        self.assertEqual(self.contents(), [b"0", b"8", b"16", b"19"])

    def test_other_files(self) -> None:
        """Files of others are left alone, and do not count."""
        names = {"report.json", "heap-1.txr.gz", "heap-20270115T080000Z-000000.txr.gz.bak"}
        for name in names:
            (self.path / name).write_text("theirs")
        folder = HistoryFolder(str(self.path), most=1)
        for number in range(3):
            folder.keep(b"%d" % number, NOON)
        self.assertLessEqual(names, set(os.listdir(self.path)))
        self.assertEqual(self.contents(), [b"0", b"2"])

    def test_killed(self) -> None:
        """What a process left that was killed while it wrote is cleared away."""
        left = self.path / ".heap-unfinished.txr.gz"
        left.write_bytes(b"half")
        self.folder.keep(b"whole", NOON)
        self.assertEqual(self.contents(), [b"whole"])
        self.assertFalse(left.exists())

    def test_link(self) -> None:
        """A link in the place of the unfinished file is not followed."""
        target = self.path / "target"
        target.write_bytes(b"theirs")
        (self.path / ".heap-unfinished.txr.gz").symlink_to(target)
        self.folder.keep(b"ours", NOON)
        self.assertEqual(target.read_bytes(), b"theirs")

    def test_cannot(self) -> None:
        """Where a snapshot cannot be kept there is an OSError, and nothing is left of it."""
        path = self.path / "heap-20270115T080000Z-000000.txr.gz"
        folder = HistoryFolder(str(path))
        self.assertRaises(FileNotFoundError, folder.keep, b"0", NOON)
        path.write_bytes(b"no folder")
        self.assertRaises(NotADirectoryError, folder.keep, b"0", NOON)
        self.assertEqual(os.listdir(self.path), [path.name])

    def test_repr(self) -> None:
        """It says which folder it is."""
        self.assertEqual(repr(HistoryFolder("/h")), "<HistoryFolder /h>")


class ThinningTests(SynchronousTestCase):
    """Which snapshots go."""

    @settings(derandomize=True, deadline=None, database=None)
    @given(st.integers(0, 500), st.integers(1, 70), st.integers(1, 400))
    def test_even(self, start: int, most: int, count: int) -> None:
        """What is left is bounded, evenly spread, and has the newest and nearly the oldest."""
        kept: list[int] = []
        # A folder that somebody has emptied in part goes on with the numbers it had.
        for number in range(start, start + count):
            kept.append(number)
            gone = set(thinned(kept, most))
            kept = [each for each in kept if each not in gone]
            self.assertLessEqual(len(kept), most + 1)
            self.assertEqual(kept[-1], number)
        steps = {after - before for before, after in pairwise(kept[:-1])}
        self.assertLessEqual(len(steps), 1)

    def test_default(self) -> None:
        """Half of the bound at least is always there, once it was reached."""
        kept: list[int] = []
        for number in range(5000):
            kept.append(number)
            gone = set(thinned(kept))
            kept = [each for each in kept if each not in gone]
            if number >= MOST_FILES:
                self.assertGreaterEqual(len(kept), MOST_FILES // 2)
