"""What programs of the zoo say of themselves, and how their reports are judged."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.zoo.running import Exhibit, Visit, exhibits
from tests.zoo.verdicts import judge


def entry(*edges: tuple[str, str, bool], signature: str = "s") -> dict[str, Any]:
    """An entry of a report, by holder, edge, and whether that is a suspect."""
    trace = [{"holder": h, "edge": e, "to": "x", "suspect": s} for h, e, s in edges]
    return {"signature": signature, "title": f"the leak {signature}", "trace": trace}


MEMBERS = entry(("module app", ".room", False), ("app.Room", ".members", True))


def seen(exhibit: Exhibit, *reports: list[dict[str, Any]], cured: bool = False) -> Visit:
    """A run whose snapshots each proved so much."""
    numbered = {number: {"leaks": leaks} for number, leaks in enumerate(reports, 1)}
    return Visit(exhibit, cured, numbered, numbered[len(reports)])


class ExhibitTests(SynchronousTestCase):
    """The programs."""

    def test_enough_of_each(self) -> None:
        """There are sixteen programs that leak at least, and sixteen that only look like it."""
        leaking = [bool(exhibit.leaks) for exhibit in exhibits()]
        self.assertGreaterEqual(sum(leaking), 16)
        self.assertGreaterEqual(leaking.count(False), 16)

    def test_leaks_say_whom_they_hit(self) -> None:
        """What leaks is called so, has a link to what happened to people, and a cured twin."""
        for exhibit in exhibits():
            text = exhibit.path.read_text("utf-8")
            self.assertEqual(exhibit.name.startswith("leak_"), bool(exhibit.leaks), exhibit)
            if exhibit.leaks:
                self.assertRegex(ast.get_docstring(ast.parse(text)) or "", r"\nhttps://\S+$")
                self.assertTrue(re.search(r"\bCURED\b(?!,)", text), exhibit)

    def test_unknown_program(self) -> None:
        """A name that is no program's, and no path, is an error that says so."""
        error = self.assertRaises(LookupError, exhibits, ["unicorn"])
        self.assertIn("there is no program unicorn in the zoo", str(error))


class VerdictTests(SynchronousTestCase):
    """How reports are judged."""

    leaking = Exhibit(Path("a.tac"), ("app.Room.members",))
    healthy = Exhibit(Path("b.tac"))

    def test_found_and_named(self) -> None:
        """A leak that is proven to the end is found, and named where its edge is a suspect."""
        verdict = judge(seen(self.leaking, [], [MEMBERS], [MEMBERS]))
        self.assertEqual((verdict.found, verdict.named, verdict.after), (1, 1, 2))
        self.assertEqual((verdict.withdrawn, verdict.spans), ((), (1,)))

    def test_found_by_another_edge(self) -> None:
        """A leak whose suspects are others than its edge is found, and not named."""
        verdict = judge(seen(self.leaking, [entry(("app.Room", ".other", True))]))
        self.assertEqual((verdict.found, verdict.named), (1, 0))
        unsuspected = entry(("app.Room", ".members", False), ("list", "[*]", True))
        verdict = judge(seen(self.leaking, [unsuspected]))
        self.assertEqual((verdict.found, verdict.named), (1, 0))

    def test_two_leaks(self) -> None:
        """Of two leaks each needs an entry of its own."""
        both = Exhibit(Path("a.tac"), ("app.Room.members", "app.Room.log"), both=True)
        log = entry(("app.Room", ".log", True), signature="t")
        self.assertEqual(judge(seen(both, [MEMBERS])).found, 1)
        verdict = judge(seen(both, [MEMBERS], [log, MEMBERS]))
        self.assertEqual((verdict.found, verdict.named, verdict.after), (2, 2, 2))

    def test_withdrawn(self) -> None:
        """What was proven once and is not in the last report is withdrawn, and missed."""
        verdict = judge(seen(self.leaking, [MEMBERS], []))
        self.assertEqual((verdict.found, verdict.withdrawn), (0, ("the leak s",)))

    def test_false(self) -> None:
        """Whatever is proven of a healthy program, or of a cured one, is false."""
        for exhibit, cured in ((self.healthy, False), (self.leaking, True)):
            verdict = judge(seen(exhibit, [MEMBERS], cured=cured))
            self.assertEqual((verdict.planted, verdict.false), (0, ("the leak s",)))
