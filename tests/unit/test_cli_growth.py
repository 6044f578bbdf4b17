"""``txresource growth``."""

from __future__ import annotations

import json
import os

from tests.unit.cli_case import BEGAN, MANY, MESSAGE, PID, CommandTestCase, chat, heap
from txresource.heap.paths import PathRow, Step
from txresource.leaks.entries import entry_of
from txresource.leaks.growth import GrowthHistory


class GrowthTests(CommandTestCase):
    """What snapshots prove."""

    def test_as_live(self) -> None:
        """Files are judged as the program itself judged them while it ran."""
        names = self.write_history(50)
        history = GrowthHistory()
        for minute in range(MANY):
            history.update(chat(100 + 50 * minute, minute=minute))
        found = history.findings()
        self.assertEqual([finding.path for finding in found.proven], [MESSAGE])
        answer = self.answer("growth", *names)
        for key, findings in (("leaks", found.proven), ("growing", found.growing)):
            self.assertEqual(answer[key], json.loads(json.dumps([*map(entry_of, findings)])))
        self.assertEqual([judged["name"] for judged in answer["judged"]], names)
        self.assertEqual(answer["left_out"], [])

    def test_text(self) -> None:
        """A leak is shown as in a report, below what was judged."""
        self.write_history(50)
        said = self.run_command("growth", "history")
        self.assertEqual((said.status, said.err), (1, ""))
        lines = said.out.split("\n")
        self.assertEqual(
            lines[0],
            "40 snapshots of process 4242, from 2026-09-21 14:13:20 UTC to 2026-09-21 14:52:20 UTC",
        )
        self.assertEqual(lines[1], "1 proven")
        self.assertEqual(lines[3], "LEAK  chat.Message held by chat.Room.messages")
        self.assertIn("       ~~~~~~~~", lines)

    def test_memory(self) -> None:
        """Memory that no Python object explains is judged as well, with what holds it."""
        context = (Step("module chat", "module"), Step("[*]", "ssl.SSLContext"))
        for minute in range(MANY):
            rows = [PathRow(context, 1 + minute, 100 * (1 + minute))]
            beyond = 50_000_000 + 850_000 * minute
            self.write_heap(f"{minute:02}", heap(rows, minute=minute, beyond=beyond))
        names = sorted(os.listdir("."))
        memory = self.answer("growth", *names)["memory"]
        self.assertEqual(memory["rss_growth"] - memory["python_growth"], 850_000 * (MANY - 1))
        self.assertIn("ssl.SSLContext", memory["verdict"])
        said = self.run_command("growth", *names)
        self.assertIn("\nLEAK  memory\n    RSS grew by ", said.out)
        self.assertIn(" native memory, an estimate: 34 MB of 40 ssl.SSLContext\n", said.out)
        self.assertEqual(said.status, 1)

    def test_healthy(self) -> None:
        """Where nothing grows nothing is proven, with status 0."""
        self.write_history(0)
        said = self.run_command("growth", "history")
        self.assertEqual((said.status, said.err), (0, ""))
        self.assertEqual(said.out.split("\n")[1], "0 proven")

    def test_any_order(self) -> None:
        """The order in which files are named does not matter, that in which they were taken does."""
        names = self.write_history(50)
        expected = self.answer("growth", *names)
        self.assertEqual(self.answer("growth", *names[::-1]), expected)
        self.assertEqual(self.answer("growth", *names[20:], *names[:20], *names), expected)

    def test_damaged_files_are_left_out(self) -> None:
        """A file that cannot be read is named, the others are judged, and the status is 2."""
        names = self.write_history(50)
        with open(names[7], "r+b") as file:
            file.truncate(100)
        said = self.run_command("growth", "history", "none")
        self.assertEqual(said.status, 2)
        self.assertEqual(
            said.err,
            f"txresource: {names[7]}: the snapshot is cut off: its end is missing\n"
            "txresource: none cannot be read: No such file or directory\n",
        )
        self.assertIn("39 snapshots of process 4242", said.out)
        self.assertIn("LEAK  chat.Message held by chat.Room.messages", said.out)

    def test_other_processes_are_left_out(self) -> None:
        """Snapshots of one process are judged: that of the last one, or the one asked for."""
        old = self.write_history(50, pid=1)
        new = self.write_history(0, pid=2, first=MANY)
        answer = self.answer("growth", "history")
        self.assertEqual([judged["name"] for judged in answer["judged"]], new)
        why = "it is of process 1, not of 2"
        self.assertEqual(answer["left_out"], [{"name": name, "why": why} for name in old])
        self.assertIn(f"left out: {old[0]}: {why}\n", self.run_command("growth", *old, new[0]).out)
        answer = self.answer("growth", "history", "--pid", "1")
        self.assertEqual([judged["name"] for judged in answer["judged"]], old)
        self.assertEqual(len(answer["leaks"]), 1)

    def test_started_again(self) -> None:
        """Of two processes with one number, as in a container, the one that began last is judged."""
        for minute, started in enumerate((None, BEGAN, BEGAN + 90, BEGAN + 90)):
            self.write_heap(f"{minute}", heap([], minute=minute, started=started))
        answer = self.answer("growth", "0", "1", "2", "3")
        self.assertEqual([judged["name"] for judged in answer["judged"]], ["2", "3"])
        why = f"it is of process {PID} before it was started again"
        self.assertEqual(answer["left_out"], [{"name": name, "why": why} for name in "01"])
        self.assertEqual(self.answer("growth", "3", "2", "1", "0"), answer)

    def test_copies_are_left_out(self) -> None:
        """A snapshot that is there twice is judged once."""
        one, two = self.write_heap("a", chat(5)), self.write_heap("b", chat(5))
        answer = self.answer("growth", one, two, one)
        self.assertEqual([judged["name"] for judged in answer["judged"]], [one])
        self.assertEqual(answer["left_out"], [{"name": two, "why": "it is the same snapshot as a"}])

    def test_pipe(self) -> None:
        """What can be read once alone is kept until its turn has come."""
        later = self.write_heap("later", chat(5, minute=2))
        with open(self.write_heap("first", chat(5)), "rb") as file:
            data = file.read()
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        with open(writer, "wb") as file:
            file.write(data)
        answer = self.answer("growth", later, f"/dev/fd/{reader}")
        self.assertEqual(
            [judged["name"] for judged in answer["judged"]], [f"/dev/fd/{reader}", later]
        )

    def test_none(self) -> None:
        """Where there is none to judge it says so."""
        os.mkdir("empty")
        said = self.run_command("growth", "empty")
        self.assertEqual((said.status, said.err), (0, ""))
        self.assertEqual(said.out, "no snapshot to judge\n0 proven\n")

    def test_no_such_process(self) -> None:
        """Where there is none of the process asked for, all are left out."""
        self.write_heap("a", chat(5))
        answer = self.answer("growth", "a", "--pid", "9")
        self.assertEqual(answer["judged"], [])
        self.assertEqual(
            answer["left_out"], [{"name": "a", "why": "it is of process 4242, not of 9"}]
        )
