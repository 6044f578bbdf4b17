"""``txresource diff``."""

from __future__ import annotations

from tests.unit.cli_case import BEGAN, PID, CommandTestCase, chat, heap
from txresource.heap.paths import PathRow, Step


class DiffTests(CommandTestCase):
    """Two snapshots, or three."""

    def setUp(self) -> None:
        super().setUp()
        self.write_all()

    def test_two(self) -> None:
        """What is more in the second is shown by path and by type."""
        said = self.run_command("diff", "one.txr.gz", "two.txr.gz")
        self.assertEqual((said.status, said.err), (1, ""))
        self.assertEqual(said.out, TWO)

    def test_three(self) -> None:
        """With a third, what of it is still there, out of what was allocated."""
        said = self.run_command("diff", "one.txr.gz", "two.txr.gz", "three.txr.gz")
        self.assertEqual((said.status, said.err), (1, ""))
        self.assertEqual(said.out, THREE)

    def test_nothing(self) -> None:
        """Where nothing is more it says so, and the status is 0."""
        for names in (["two.txr.gz", "one.txr.gz"], ["one.txr.gz"] * 2):
            said = self.run_command("diff", *names)
            self.assertEqual(said.status, 0)
            self.assertTrue(said.out.endswith("\nnothing is more in B than in A\n"), said.out)
        back = self.run_command("diff", "one.txr.gz", "two.txr.gz", "one.txr.gz")
        self.assertTrue(back.out.endswith("\nnothing is allocated from A to B, still in C\n"))

    def test_notes(self) -> None:
        """That the order is wrong, or the processes are two, is said."""
        self.write_heap("other.txr.gz", chat(5, minute=-1, pid=7))
        answer = self.answer("diff", "one.txr.gz", "two.txr.gz", "other.txr.gz")
        expected = ["C was taken before B", f"B and C are of two processes, {PID} and 7"]
        self.assertEqual(answer["notes"], expected)
        out = self.run_command("diff", "one.txr.gz", "two.txr.gz", "other.txr.gz").out
        for note in expected:
            self.assertIn(f"\nnote: {note}\n", out)
        self.assertEqual(self.answer("diff", "one.txr.gz", "two.txr.gz")["notes"], [])

    def test_limit(self) -> None:
        """So many paths and types are shown as asked for, and how many there are beyond."""
        rows = [PathRow((Step(f"module m{n}", f"m{n}.T"),), 9, 9) for n in range(20)]
        self.write_heap("many.txr.gz", heap(rows))
        for limit, shown in (("3", 3), ("0", 20), ("99", 20)):
            out = self.run_command("diff", "one.txr.gz", "many.txr.gz", "--limit", limit).out
            self.assertEqual(out.count("      module m"), shown)
            self.assertEqual(out.count("9.00 B") + out.count("  9     B"), shown)
            self.assertEqual(f"{20 - shown} more: --limit 0 shows all" in out, shown < 20)

    def test_json(self) -> None:
        """Machines get every path and type, groups, and the snapshots with their names."""
        answer = self.answer("diff", "one.txr.gz", "two.txr.gz", "three.txr.gz", "--limit", "1")
        self.assertEqual((answer["command"], answer["problems"]), ("diff", []))
        self.assertEqual(
            answer["snapshots"][1],
            {
                "name": "two.txr.gz",
                "taken_at": BEGAN + 60,
                "pid": PID,
                "rss": chat(1280).rss,
                "load": 3,
                "gc_objects": 1282,
                "objects": 2564,
                "size": chat(1280).size,
            },
        )
        (group,) = answer["groups"]
        numbers = {"count": 900, "size": 50400, "now": 980}
        numbers |= {"allocated_count": 1200, "allocated_size": 67200}
        self.assertEqual(
            group,
            {
                "text": "module chat .ROOM chat.Room .messages list [*] chat.Message",
                "path": [
                    {"edge": "module chat", "kind": "module"},
                    {"edge": ".ROOM", "kind": "chat.Room"},
                    {"edge": ".messages", "kind": "list"},
                    {"edge": "[*]", "kind": "chat.Message"},
                ],
                **numbers,
                "below_count": 900,
                "below_size": 54000,
            },
        )
        self.assertEqual(len(answer["paths"]), 3)
        self.assertIn({"type": "chat.Message", **numbers}, answer["types"])

    def test_one_cannot_be_read(self) -> None:
        """Without one of its files there is no difference: one sentence says which it is."""
        self.check_trouble(
            "diff", "one.txr.gz", "no", says="no cannot be read: No such file or directory"
        )


TWO = """\
A  2026-09-21 14:13:20 UTC, process 4242, 164 objects, 11 kB, 50 MB resident  one.txr.gz
B  2026-09-21 14:14:20 UTC, process 4242, 2,564 objects, 160 kB, 50 MB resident  two.txr.gz

more in B than in A, by path:
  +1,200 objects, +67 kB  (below: +1,200 objects, +72 kB)
      module chat .ROOM chat.Room .messages list [*] chat.Message

more in B than in A, by type:
         types |   # objects |   total size
============== | =========== | ============
           str |        1200 |     70.31 KB
  chat.Message |        1200 |     65.62 KB
          list |           0 |      9.38 KB
"""
THREE = """\
A  2026-09-21 14:13:20 UTC, process 4242, 164 objects, 11 kB, 50 MB resident  one.txr.gz
B  2026-09-21 14:14:20 UTC, process 4242, 2,564 objects, 160 kB, 50 MB resident  two.txr.gz
C  2026-09-21 14:15:20 UTC, process 4242, 1,964 objects, 131 kB, 50 MB resident  three.txr.gz

allocated from A to B, still in C, by path:
  +900 objects, +50 kB  (allocated: +1,200 objects, +67 kB; below: +900 objects, +54 kB)
      module chat .ROOM chat.Room .messages list [*] chat.Message

allocated from A to B, still in C, by type:
         types |   # objects |   total size
============== | =========== | ============
           str |         900 |     52.73 KB
  chat.Message |         900 |     49.22 KB
          list |           0 |      7.03 KB
"""
