"""The report file: its form, and how it is read and replaced."""

from __future__ import annotations

import gc
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.collector import hide_what_is_older
from txresource.leaks.report import read_signatures, report_text, with_states, write_report


@contextmanager
def collector_off() -> Iterator[None]:
    """Nothing is collected meanwhile."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class FolderCase(SynchronousTestCase):
    """A folder of the test's own."""

    def setUp(self) -> None:
        """Make it."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.path = self.folder / "report.json"


class StateTests(SynchronousTestCase):
    """What is new in a report."""

    def test_states(self) -> None:
        """An entry is seen when its signature was, else new; what it was made of stays."""
        entries = [{"signature": "a"}, {"signature": "b"}]
        self.assertEqual(
            with_states(entries, frozenset("bc")),
            [{"signature": "a", "state": "new"}, {"signature": "b", "state": "seen"}],
        )
        self.assertEqual(entries, [{"signature": "a"}, {"signature": "b"}])


class ReadTests(FolderCase):
    """What an earlier report has seen."""

    def read(self, text: str) -> frozenset[str]:
        """What is read from a file with this text."""
        self.path.write_text(text, "utf-8")
        return read_signatures(str(self.path))

    def test_every_section(self) -> None:
        """Signatures are taken from all sections, those that are missing left out."""
        report: dict[str, Any] = {"tool": "txresource 1.0", "other": [{"signature": "z"}]}
        self.assertEqual(self.read(json.dumps(report)), frozenset())
        for number, key in enumerate(("leaks", "growing", "settled", "pressure")):
            report[key] = [{"signature": str(number)}]
        self.assertEqual(self.read(json.dumps(report)), {"0", "1", "2", "3"})

    def test_nothing_there(self) -> None:
        """No file and an empty one have seen nothing."""
        self.assertEqual(read_signatures(str(self.path)), frozenset())
        self.assertEqual(self.read(""), frozenset())

    def test_no_report(self) -> None:
        """A file that is no report of ours is refused, whatever it is, by its path."""
        for text in (
            "hello",
            "[]",
            "3",
            "null",
            "{}",
            '{"tool": "other 1.0"}',
            '{"tool": "txresource 1", "leaks": 3}',
            '{"tool": "txresource 1", "leaks": ["x"]}',
            '{"tool": "txresource 1", "leaks": [{}]}',
        ):
            error = self.assertRaises(ValueError, self.read, text)
            self.assertEqual(
                str(error), f"{self.path} is there and is not a report of txresource", text
            )

    def test_unhashable_signature(self) -> None:
        """A signature that is no text makes a file no report."""
        text = '{"tool": "txresource 1", "leaks": [{"signature": []}]}'
        self.assertRaises(ValueError, self.read, text)

    def test_not_text(self) -> None:
        """A file that is no UTF-8 is refused like any other stranger."""
        self.path.write_bytes(b"\xff\xfe\x00")
        error = self.assertRaises(ValueError, read_signatures, str(self.path))
        self.assertIn("is not a report of txresource", str(error))

    def test_deep_nesting(self) -> None:
        """A file that is nested without end is refused like any other stranger."""
        self.assertRaises(ValueError, self.read, "[" * 200_000)

    def test_cannot_be_read(self) -> None:
        """A directory in its place is an OSError."""
        self.path.mkdir()
        self.assertRaises(OSError, read_signatures, str(self.path))


class WriteTests(FolderCase):
    """A report is replaced as a whole."""

    def test_round_trip(self) -> None:
        """What was written is what is there, for its owner's eyes alone, and nothing beside it."""
        report = {"tool": "txresource 1.0", "leaks": [{"signature": "a", "title": "é"}]}
        for _ in range(2):
            write_report(str(self.path), report)
        self.assertEqual(json.loads(self.path.read_text("utf-8")), report)
        self.assertEqual(read_signatures(str(self.path)), {"a"})
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual(os.listdir(self.folder), ["report.json"])

    def test_text(self) -> None:
        """It is JSON with a line for each key and item, and making it leaves nothing behind."""
        hide_what_is_older(self)
        report = {"tool": "x", "leaks": [{"a": [1, 2]}, {}], "growing": [], "memory": {"rss": None}}
        text = report_text(report)
        self.assertEqual(
            text,
            '{\n "tool": "x",\n "leaks": [\n  {"a": [1, 2]},\n  {}\n ],\n "growing": [],\n'
            ' "memory": {"rss": null}\n}\n',
        )
        self.assertEqual(json.loads(text), report)
        gc.collect()
        with collector_off():
            for _ in range(1000):
                report_text(report)
        # Others may leave something meanwhile, but not for each of these.
        self.assertLess(gc.collect(), 1000)

    def test_reader_of_the_old_one(self) -> None:
        """Who has the old report open goes on reading the old one."""
        write_report(str(self.path), {"number": 1})
        with open(self.path, encoding="utf-8") as old:
            write_report(str(self.path), {"number": 2})
            self.assertEqual(json.load(old), {"number": 1})

    def test_failure_leaves_the_old_one(self) -> None:
        """A report that cannot be written leaves the old one, and no file beside it."""
        write_report(str(self.path), {"number": 1})
        self.assertRaises(TypeError, write_report, str(self.path), {"number": object()})
        self.assertEqual(json.loads(self.path.read_text("utf-8")), {"number": 1})
        self.assertEqual(os.listdir(self.folder), ["report.json"])

    def test_no_folder(self) -> None:
        """A folder that is not there is an OSError."""
        self.assertRaises(OSError, write_report, str(self.folder / "none" / "r.json"), {})
