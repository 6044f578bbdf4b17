"""What is read, and what cannot be."""

from __future__ import annotations

import base64
import gzip
import json
import os
from dataclasses import replace

from tests.unit.cli_case import REPORT, CommandTestCase, chat, report
from txresource.cli.desk import Trouble
from txresource.cli.files import read_bytes, read_report, read_snapshot
from txresource.leaks.frozen import encode_heap


class ReadingTests(CommandTestCase):
    """Files, pipes and the standard input."""

    def test_pipe(self) -> None:
        """What a pipe holds is read to its end, as with ``<(…)`` of a shell."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        with open(writer, "wb") as file:
            file.write(json.dumps(REPORT).encode())
        self.assertEqual(read_report(f"/dev/fd/{reader}"), REPORT)

    def test_byte_order_mark(self) -> None:
        """A report that an editor has marked as UTF-8 is read as well."""
        self.write("report.json", b"\xef\xbb\xbf" + json.dumps(REPORT).encode())
        self.assertEqual(read_report("report.json"), REPORT)

    def check_refused(self, name: str, problem: str) -> None:
        """Reading raises one sentence, also where the file is to be a snapshot."""
        self.assertEqual(self.assertRaises(Trouble, read_bytes, name).problem, problem)

    def test_unreadable(self) -> None:
        """What is missing, empty, a folder, endless or no name at all is named in a sentence."""
        self.write("empty", b"")
        self.check_refused("empty", "empty is empty")
        self.check_refused("none", "none cannot be read: No such file or directory")
        self.check_refused(".", ". cannot be read: Is a directory")
        self.check_refused("a\0b", "a\0b cannot be read: it is no file's name")
        self.check_refused("/dev/zero", "/dev/zero is larger than anything that txresource writes")


class ReportFileTests(CommandTestCase):
    """Files that are to be reports."""

    def test_foreign(self) -> None:
        """What is no report of ours is called so in a sentence with its name."""
        foreign = [
            b"no json",
            b"[]",
            b"7",
            b"{}",
            b'{"tool": "another 1.0", "schema": 1}',
            b'{"tool": 5, "schema": 1}',
            b'{"tool": "txresource 1.0"}',
            b'{"tool": "txresource 1.0", "schema": "1"}',
            b'{"tool": "txresource 1.0", "schema": true}',
            b'{"tool": "txresource 1.0", "schema": 1, "a": NaN}',
            b'{"tool": "txresource 1.0", "schema": 1, "a": 1e999}',
            b'{"tool": "txresource 1.0", "schema": 1, "a": ' + b"9" * 5000 + b"}",
            b'{"tool": "txresource 1.0", "schema": 1, "a": ' + b"[" * 100_000,
            b"\xff\xfe",
            json.dumps(REPORT).encode()[:-20],
        ]
        for data in foreign:
            self.write("report.json", data)
            self.check_trouble(
                "report", "report.json", says="report.json is not a report of txresource"
            )

    def test_snapshot_for_a_report(self) -> None:
        """A snapshot where a report is wanted is recognized."""
        self.write_heap("a.txr.gz", chat(1))
        says = "a.txr.gz is not a report of txresource: it is compressed, as snapshots are"
        self.check_trouble("why", "abc", "a.txr.gz", says=says)

    def test_newer(self) -> None:
        """A report in a later form is said to be one, with the version that wrote it."""
        self.write_report(report(schema=2, tool="txresource 9.1"))
        self.check_trouble(
            "report",
            "report.json",
            says="report.json was written by a newer txresource 9.1, in a form (schema 2)"
            " that this version, which knows 1, cannot read",
        )


def with_number(number: int) -> bytes:
    """A snapshot in which somebody has put a number."""
    fields = json.loads(gzip.decompress(encode_heap(chat(1))))
    return gzip.compress(json.dumps({**fields, "size": number}).encode())


class SnapshotFileTests(CommandTestCase):
    """Files that are to be snapshots."""

    def test_all_that_cannot_be_read(self) -> None:
        """Of what is damaged, cut off, foreign or newer one sentence says so, with its name."""
        whole = encode_heap(chat(50))
        cases = {
            whole[:-10]: "the snapshot is cut off: its end is missing",
            b"PK" + whole: "this is no snapshot of a heap, or it is damaged",
            json.dumps(REPORT).encode(): "this is no snapshot of a heap, or it is damaged",
            gzip.compress(b"[]"): "this is no snapshot of a heap",
            with_number(10**400): "this is no snapshot of a heap: a number is too large for any"
            " heap",
            gzip.compress(b'{"schema": 9}'): "the snapshot has schema 9, and this version reads"
            " up to 1",
        }
        good = self.write_heap("good", chat(1))
        for data, says in cases.items():
            self.write("bad", data)
            self.check_trouble("diff", "bad", good, says=f"bad: {says}")
            self.check_trouble("diff", good, good, "bad", says=f"bad: {says}")

    def test_written_by_other_pythons(self) -> None:
        """A snapshot that CPython 3.10 or 3.13 has written is the same here."""
        self.write("a.txr.gz", base64.b64decode(WRITTEN))
        # It is of before the start of the process was written.
        self.assertEqual(read_snapshot("a.txr.gz"), replace(chat(3, minute=0.5), started=None))


#: As CPython 3.10 has written it, and 3.13 byte for byte.
WRITTEN = (
    "H4sIAAAAAAAAA11Qy26DMBD8lWqP1RbZPALhH6JIuSIUGeIkpBAj26hNo/x7d0HQNL7Mzspjz8wdXH3WnYJcInj1"
    "qa975Ymka8EnEoFAsM5BnhCVSZwhtEYdII8Q+oYwDuMQ4VTvTXXRteebCMssSe6aH03TqK311Q20v4M1X4RFAZ05"
    "DK0GlJiGJRZQn5UPdsZ0vIozXrWN88wyway6ea2sVTdeSbK1qDbaOXWityKUq1HpvB0ZKcsXWy+W/7k0Xd9qT9zb"
    "QT+oGf3N12azb/wb4GIdgt12uyF88g5BN7lxNE8BIKiG41GTo+cMULyXs3QJAAF/ScgByHmv/Hms60Oi4NhTWQJD"
    "TjfVRIDJ3JLEFaZ//YSY4XqpJaY1SjkX8/gF8IbP1AYCAAA="
)
