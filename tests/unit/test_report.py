"""The report file: its form, and how it is read and replaced."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txresource.leaks.growth import GrowingType
from txresource.leaks.report import growing_entry, read_signatures, signature_of, write_report

GROWN = GrowingType("app.Echo", 130, 1300, 30, 100.0, 3)


class FolderCase(SynchronousTestCase):
    """A folder of the test's own."""

    def setUp(self) -> None:
        """Make it."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir(parents=True)
        self.path = self.folder / "report.json"


class EntryTests(SynchronousTestCase):
    """What is said of a growing type."""

    def test_signature(self) -> None:
        """A signature is the SHA-1 of its parts, and where one ends makes a difference."""
        self.assertEqual(signature_of(["a", "b"]), hashlib.sha1(b"a\0b").hexdigest())
        self.assertNotEqual(signature_of(["a", "b"]), signature_of(["ab"]))

    def test_entry(self) -> None:
        """An entry has the keys of the report's form; it is seen when its signature was."""
        entry = growing_entry(GROWN, 280.0, ())
        signature = signature_of(("growth", "app.Echo"))
        self.assertEqual(
            entry,
            {
                "signature": signature,
                "kind": "growth",
                "state": "new",
                "count": 130,
                "bytes": 1300,
                "title": "app.Echo +10 a minute",
                "since": 100.0,
                "trace": [],
                "created_at": [],
            },
        )
        self.assertEqual(growing_entry(GROWN, 280.0, {signature})["state"], "seen")


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
