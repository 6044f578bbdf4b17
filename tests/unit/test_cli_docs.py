"""What docs/cli.rst shows."""

from __future__ import annotations

from tests.unit.cli_case import CommandTestCase
from tests.unit.cli_page import PAGE, commands, render
from txresource.cli import diff, growth, report, why


class PageTests(CommandTestCase):
    """Examples, and what there is."""

    def test_examples(self) -> None:
        """Every command of the page prints what it shows, word for word."""
        page = PAGE.read_text("utf-8")
        told = "say `python -m tests.unit.cli_page` and look at what has changed"
        self.assertEqual(render(self, page), page, told)

    def test_every_command(self) -> None:
        """The page has an example of each command."""
        shown = {command[0] for command in commands(PAGE.read_text("utf-8"))}
        self.assertEqual(shown, {module.NAME for module in (diff, growth, report, why)})

    def test_every_key(self) -> None:
        """Each key that ``--json`` prints is on the page."""
        self.write_all()
        names = ["one.txr.gz", "two.txr.gz", "three.txr.gz"]
        asked = [["report", "report.json"], ["why", "3f2a", "report.json"]]
        asked += [["diff", *names], ["growth", "history"]]
        text = PAGE.read_text("utf-8")
        for command in asked:
            for key in self.answer(*command):
                self.assertIn(f"``{key}``", text, command)
