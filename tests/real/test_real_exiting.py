"""How a process ends in which a thread goes on that nobody can stop."""

from __future__ import annotations

import sys

from tests.real.children import ProgramTestCase

#: A thread that blocks and was given up, one that blocks for a moment, one that is the program's own.
PROGRAM = """
import sys, threading
from txresource.exiting import end_without

gate, begun = threading.Event(), threading.Event()
def own():
    begun.wait()
    print("own work done", flush=True)
stuck = [threading.Thread(target=threading.Event().wait)] if "stuck" in sys.argv else []
brief = threading.Thread(target=gate.wait)
for thread in (*stuck, brief, threading.Thread(target=own)):
    thread.start()
end_without([*stuck, brief])
gate.set()
threading.Timer(0.2, begun.set).start()
sys.exit(7)
"""


class ExitTests(ProgramTestCase):
    """A real interpreter that ends."""

    def test_a_thread_that_blocks(self) -> None:
        """The process ends without it, with status 1, when the program's own threads have ended."""
        program = self.run_program([sys.executable, "-c", PROGRAM, "stuck"])
        self.assertEqual(program.wait(), 1)
        self.assertIn("own work done", program.output)

    def test_threads_that_end_after_all(self) -> None:
        """Where none is left the process ends as it would have."""
        program = self.run_program([sys.executable, "-c", PROGRAM])
        self.assertEqual(program.wait(), 7)
        self.assertIn("own work done", program.output)
