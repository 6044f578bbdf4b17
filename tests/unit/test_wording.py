"""What the log says of findings, word for word."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.test_entries import APP, ROOM, found, path
from txresource.leaks.wording import (
    grows_text,
    leak_text,
    proven_text,
    rate_text,
    settled_text,
    size_text,
    time_text,
)


class LeakTests(SynchronousTestCase):
    """The block of a leak."""

    def check(self, entry: dict[str, Any], *lines: str) -> None:
        """Hold a block to its lines, but for the signature."""
        signature = entry["signature"][:6]
        self.assertEqual(leak_text(entry).replace(signature, "3f9c1a"), "\n".join(lines))

    def test_block(self) -> None:
        """How fast, how many, how large, by which way, and what to cut."""
        self.check(
            found(*ROOM),
            "LEAK 3f9c1a  growth  +50 a minute, 1,204 now, 340 kB:"
            " app.Message held by app.Room.messages",
            "  module app  .ROOM → app.Room",
            "  app.Room  .messages → list  ~~~~~~~~",
            "  list  [*] → app.Message     ~~~  1,204 of them",
        )

    def test_size(self) -> None:
        """Of what swells bytes are told, and no number."""
        self.check(
            found(APP, (".BUFFER", "bytearray"), measure="size", count=1, per_minute=2e6),
            "LEAK 3f9c1a  growth  +2.0 MB a minute, 340 kB now: bytearray held by app.BUFFER",
            "  module app  .BUFFER → bytearray  ~~~~~~",
        )

    def test_below(self) -> None:
        """The way on comes after the suspects, without a mark."""
        entry = found(APP, (".CACHE", "dict"), ("[*]", "tuple"), below=path(ROOM[-1]))
        self.check(
            entry,
            "LEAK 3f9c1a  growth  +50 a minute, 1,204 now, 340 kB: app.Message held by app.CACHE",
            "  module app  .CACHE → dict  ~~~~~",
            "  dict  [*] → tuple          ~~~  1,204 of them",
            "  tuple  [*] → app.Message",
        )

    def test_long(self) -> None:
        """Of a long way the middle is left out, and no suspect."""
        middle = [(f".step{number}", f"app.T{number}") for number in range(20)]
        lines = leak_text(found(APP, *middle, *ROOM[2:])).split("\n")
        self.assertEqual(lines[3:6], ["  app.T1  .step2 → app.T2", "  … 14 more …", lines[5]])
        self.assertEqual(lines[5], "  app.T16  .step17 → app.T17")
        self.assertEqual(len([line for line in lines if "~" in line]), 2)
        for steps, left_out in ((7, False), (8, True)):
            text = leak_text(found(APP, *middle[:steps], *ROOM[2:]))
            self.assertEqual("2 more" in text, left_out)
            self.assertNotIn("1 more", text)

    def test_settled(self) -> None:
        """One line says that a leak grows no more."""
        entry = found(*ROOM)
        self.assertEqual(
            settled_text(entry).replace(entry["signature"][:6], "3f9c1a"),
            "SETTLED 3f9c1a  growth  1,204 now, 340 kB: app.Message held by app.Room.messages",
        )


class LineTests(SynchronousTestCase):
    """What a snapshot's line says."""

    def test_grows(self) -> None:
        """Three are named with what holds them and how fast they grow, the rest counted."""
        self.assertEqual(grows_text([]), "nothing grows")
        one = "app.Message held by app.Room.messages +50 a minute to 1,204"
        self.assertEqual(grows_text([found(*ROOM)]), f"growing: {one}")
        self.assertEqual(grows_text([found(*ROOM)] * 5), f"growing: {one}, {one}, {one} and 2 more")
        for more, end in ((3, f"{one}, {one}"), (4, f"{one}, {one} and 1 more")):
            self.assertEqual(grows_text([found(*ROOM)] * more), f"growing: {one}, {end}")
        swells = found(APP, (".BUFFER", "bytearray"), measure="size", per_minute=2e6)
        self.assertEqual(
            grows_text([swells]), "growing: bytearray held by app.BUFFER +2.0 MB a minute to 340 kB"
        )

    def test_proven(self) -> None:
        """How many leaks there are."""
        self.assertEqual(
            [proven_text(number) for number in (0, 1, 2)],
            ["nothing proven", "1 leak proven", "2 leaks proven"],
        )
        self.assertEqual(
            proven_text(1, [found(*ROOM)] * 2),
            "1 leak proven; settled: app.Message held by app.Room.messages,"
            " app.Message held by app.Room.messages",
        )

    def test_rates(self) -> None:
        """What is slow is told by the hour or by the day."""
        for per_minute, text in (
            (1234.5, "+1,234 a minute"),
            (1.0, "+1 a minute"),
            (0.5, "+30 an hour"),
            (200 / 1440, "+8 an hour"),
            (0.01, "+14 a day"),
        ):
            self.assertEqual(rate_text({"per_minute": per_minute, "measure": "count"}), text)
        self.assertEqual(rate_text({"per_minute": 0.5, "measure": "size"}), "+30 bytes an hour")

    def test_sizes(self) -> None:
        """Bytes in the unit that fits."""
        for size, text in (
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1000, "1.0 kB"),
            (340_112, "340 kB"),
            (999_600, "1.0 MB"),
            (120e6, "120 MB"),
            (-2.5e9, "-2.5 GB"),
            (5e15, "5,000 TB"),
        ):
            self.assertEqual(size_text(size), text)

    def test_times(self) -> None:
        """A stretch of time in the unit that fits."""
        for seconds, text in (
            (12, "12 s"),
            (100, "100 s"),
            (1800, "30 minutes"),
            (7200, "2 hours"),
            (3 * 86400, "3 days"),
        ):
            self.assertEqual(time_text(seconds), text)
