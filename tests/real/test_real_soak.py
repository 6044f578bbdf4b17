"""Many cycles of open, use and close on a real reactor; ``benchmarks/soak.py`` with small numbers."""

from __future__ import annotations

import re
import sys

from tests.real.apart import apart
from tests.real.children import ROOT, Program, ProgramTestCase

testSuite = apart(__name__)

CYCLES = "100"
TIMERS = "20000"


class SoakTests(ProgramTestCase):
    """What is left after many cycles."""

    def soak(self, *arguments: str) -> Program:
        return self.run_program([sys.executable, str(ROOT / "benchmarks/soak.py"), *arguments])

    def garbage(self, program: Program, name: str) -> int:
        found = program.wait_line(rf"^  {name} .* ([\d,]+) garbage")
        return int(found[1].replace(",", ""))

    def test_flat(self) -> None:
        """
        Descriptors, delayed calls, threads, what the collector would find, and the children and
        bytes of a scope whose timers fired are what they were; a scope leaves nothing to the
        collector, but for what plain Twisted's own clients and thread pools leave, beside it.
        """
        program = self.soak(CYCLES, TIMERS)
        self.assertEqual(program.wait(), 0, program.text())
        self.assertEqual(program.output[-1], "flat")
        self.assertEqual(self.garbage(program, "serving, by a scope"), 0)
        self.assertEqual(self.garbage(program, "cancelling, by a scope"), 0)
        self.assertGreater(self.garbage(program, "calling, by hand"), 40 * int(CYCLES))
        self.assertRegex(program.text(), r"timers, by a scope +0 children, 0 delayed calls")

    def test_leak_is_seen(self) -> None:
        """A cycle that leaves something behind fails, by the figure that it moves."""
        program = self.soak("20", TIMERS, "leak")
        self.assertEqual(program.wait(), 1, program.text())
        moved = set(re.findall(r"NOT FLAT (\w+), by a scope: [\d,]+ (.+), not", program.text()))
        each = {"descriptors", "delayed calls", "garbage"}
        expected = {("serving", figure) for figure in each}
        expected |= {("timers", "children"), ("timers", "delayed calls")}
        self.assertLessEqual(expected, moved)
