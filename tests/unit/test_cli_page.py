"""Text for people."""

from __future__ import annotations

import io
import json

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.cli_case import REPORT, CommandTestCase, Terminal
from txresource.cli import main
from txresource.cli.page import Ink, Page, harmless, is_terminal, wants_colours
from txresource.cli.words import counted, gain_text, moment


class ColourTests(CommandTestCase):
    """Colours are for terminals alone."""

    def test_where(self) -> None:
        """Only a terminal has colours, and none where ``NO_COLOR`` or a dumb terminal says so."""
        self.assertTrue(wants_colours(Terminal(), {}))
        self.assertTrue(wants_colours(Terminal(), {"NO_COLOR": "", "TERM": "xterm"}))
        self.assertFalse(wants_colours(Terminal(), {"NO_COLOR": "1"}))
        self.assertFalse(wants_colours(Terminal(), {"TERM": "dumb"}))
        self.assertFalse(wants_colours(io.StringIO(), {}))

    def test_closed_stream(self) -> None:
        """A stream that is closed is no terminal."""
        stream = io.StringIO()
        stream.close()
        self.assertFalse(is_terminal(stream))

    def test_report_in_colours(self) -> None:
        """In colours a report says the same, and its suspects and leaks stand out."""
        self.write_report(REPORT)
        plain = self.run_command("report", "report.json").out
        page = io.StringIO()
        Page(page, colours=True).line(("LEAK", Ink.LEAK), "  ", ("a\x1b", Ink.HEAD))
        self.assertEqual(page.getvalue(), "\x1b[1;31mLEAK\x1b[0m  \x1b[1ma\\x1b\x1b[0m\n")
        terminal = Terminal()
        main(["report", "report.json", "--json"], terminal, io.StringIO())
        self.assertEqual(json.loads(terminal.getvalue())["report"], REPORT)
        self.assertNotIn("\x1b", plain)


class PageTests(SynchronousTestCase):
    """Lines."""

    def test_lines(self) -> None:
        """A line has no blanks at its end; a block is laid out already."""
        out = io.StringIO()
        page = Page(out)
        page.line("a", "  ")
        page.line()
        page.block("b\n c")
        self.assertEqual(out.getvalue(), "a\n\nb\n c\n")

    def test_harmless(self) -> None:
        """What can be seen stays as it is; what a terminal obeys is escaped."""
        self.assertEqual(harmless("añ→ b"), "añ→ b")
        self.assertEqual(harmless("a\x1b]0;x\x07\x9b\u2028"), r"a\x1b]0;x\x07\x9b\u2028")


class WordTests(SynchronousTestCase):
    """Numbers in words."""

    def test_counted(self) -> None:
        """One thing is one, others are many."""
        self.assertEqual(
            [counted(n, "file") for n in (0, 1, 1200)], ["0 files", "1 file", "1,200 files"]
        )

    def test_gain(self) -> None:
        """More has a sign, and so has less."""
        self.assertEqual(gain_text(3, "count"), "+3 objects")
        self.assertEqual(gain_text(1900000, "size"), "+1.9 MB")
        self.assertEqual(gain_text(-4000, "size"), "-4.0 kB")

    def test_moment(self) -> None:
        """Times are in UTC; of none, and of one that no calendar has, it is said."""
        self.assertEqual(moment(1_790_000_000), "2026-09-21 14:13:20 UTC")
        for wrong in (None, float("nan"), float("inf"), 1e15, -1e15):
            self.assertEqual(moment(wrong), "a time that is not known")
