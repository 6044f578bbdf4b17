"""``txresource why``."""

from __future__ import annotations

from tests.unit.cli_case import GROWING, LEAK, REPORT, CommandTestCase, report


class WhyTests(CommandTestCase):
    """One finding of a report."""

    def setUp(self) -> None:
        super().setUp()
        self.write_report(REPORT)

    def test_whole_text(self) -> None:
        """A finding is shown with its whole signature, and with what its underlining means."""
        said = self.run_command("why", "3f2a91c", "report.json")
        self.assertEqual((said.status, said.err), (0, ""))
        self.assertEqual(said.out, WHOLE)

    def test_every_list_is_looked_through(self) -> None:
        """What grows, what has settled and what waits for the collector is found as well."""
        signature = GROWING["signature"]
        for key in ("leaks", "growing", "settled", "pressure"):
            lists = {name: [] for name in ("leaks", "growing")} | {key: [GROWING]}
            self.write_report(report(**lists))
            answer = self.answer("why", signature, "report.json")
            self.assertEqual(answer["findings"], [{"section": key, "finding": GROWING}])

    def test_spelling(self) -> None:
        """A signature may be given in capitals, and with blanks around it."""
        self.assertEqual(self.run_command("why", " 3F2A ", "report.json").status, 0)

    def test_several_begin_so(self) -> None:
        """A beginning of several signatures is refused, with the ways to go on."""
        self.check_trouble(
            "why",
            "3f",
            "report.json",
            says="3f begins several findings of report.json, write more of it:"
            " 3f2a91c04b112233 (chat.Message held by chat.Room.messages),"
            " 3f07d2e1c9a8b7c6 (bytes held by chat.Pages.cache)",
        )

    def test_very_many_begin_so(self) -> None:
        """Of many that begin so some are named, and how many more there are."""
        many = [{**LEAK, "signature": f"abc{n}"} for n in range(9)]
        self.write_report(report(leaks=many))
        self.assertTrue(self.run_command("why", "abc", "report.json").err.endswith("and 4 more\n"))

    def test_one_in_two_lists(self) -> None:
        """A finding that is in two lists is shown as both."""
        self.write_report(report(settled=[LEAK]))
        said = self.run_command("why", "3f2a", "report.json")
        self.assertEqual(said.status, 0)
        self.assertIn("LEAK  chat.Message", said.out)
        self.assertIn("settled  chat.Message", said.out)

    def test_not_there(self) -> None:
        """Where there is no such finding it says so; the status is 1, as of ``grep``."""
        said = self.run_command("why", "beef", "report.json")
        self.assertEqual((said.status, said.err), (1, ""))
        self.assertEqual(
            said.out, "no finding of report.json has a signature that begins with beef\n"
        )
        self.assertEqual(self.answer("why", "beef", "report.json")["findings"], [])

    def test_nothing_is_no_beginning(self) -> None:
        """An empty signature is not understood."""
        said = self.run_command("why", " ", "report.json")
        self.assertEqual(said.status, 2)
        self.assertIn("it takes the beginning of a signature", said.err)

    def test_nothing_to_cut(self) -> None:
        """Without a suspect nothing is said of cutting."""
        self.write_report(report(leaks=[{**LEAK, "trace": []}]))
        self.assertNotIn("underlined", self.run_command("why", "3f2a", "report.json").out)


WHOLE = """\
LEAK  chat.Message held by chat.Room.messages  (new)
    3f2a91c04b1122334455667788990011aabbccdd
    12,040 objects, 674 kB
    +1,196 a minute, +11,960 objects in all, since 2026-09-21 14:14:20 UTC
    cutting it alone would free 1.2 MB, of 1.9 MB that it has a share in
    module chat
      .ROOM      chat.Room
      .messages  list
       ~~~~~~~~
      [*]        chat.Message
      ~~~
The edges underlined are those to blame: where one of them is let go, so is what it holds.
"""
