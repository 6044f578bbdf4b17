"""``txresource report``."""

from __future__ import annotations

from tests.unit.cli_case import GROWING, LEAK, REPORT, CommandTestCase, report


class ReportTests(CommandTestCase):
    """A report as text."""

    def shown(self, *options: str, **changed: object) -> list[str]:
        """The lines of a report with some of it changed."""
        return self.run_command("report", self.write_report(report(**changed)), *options).out.split(
            "\n"
        )

    def test_whole_text(self) -> None:
        """All that a report has is shown: whose it is, findings with traces, memory, shutdown."""
        said = self.run_command("report", self.write_report(REPORT))
        self.assertEqual(said.status, 1)
        self.assertEqual(said.err, "")
        self.assertEqual(said.out, WHOLE)

    def test_suspects_are_underlined(self) -> None:
        """The name of a suspect edge is underlined, its point is not; other edges are not."""
        lines = self.shown(growing=[])
        under = {lines[n - 1].split()[0]: lines[n].strip() for n in _underlines(lines)}
        self.assertEqual(under, {".messages": "~" * 8, "[*]": "~" * 3})
        at = lines.index("      .messages  list")
        self.assertEqual(lines[at].index("messages"), lines[at + 1].index("~"))

    def test_no_leak(self) -> None:
        """Without a proven leak the status is 0, whatever grows, and it says so."""
        said = self.run_command("report", self.write_report(report(leaks=[])))
        self.assertEqual(said.status, 0)
        self.assertIn("\n0 proven, 1 growing\n", said.out)

    def test_holders_that_do_not_join(self) -> None:
        """A holder that is not what the step before led to has a line of its own."""
        step = {"holder": "frame of chat.main", "edge": "local variable 'x'", "to": "list"}
        trace = [*LEAK["trace"], step]
        self.assertIn("    frame of chat.main", self.shown(leaks=[{**LEAK, "trace": trace}]))

    def test_limit(self) -> None:
        """Of what is not proven so many are shown as asked for, ten otherwise; leaks are all."""
        many = [{**GROWING, "title": f"number {n} "} for n in range(14)]
        leaks = [{**LEAK, "title": f"leak {n}"} for n in range(14)]

        def count(*options: str) -> tuple[int, int]:
            lines = self.shown(*options, growing=many, leaks=leaks)
            return sum("number " in x for x in lines), sum("leak " in x for x in lines)

        self.assertEqual(count(), (10, 14))
        self.assertEqual(count("--limit", "3"), (3, 14))
        self.assertEqual(count("--limit", "0"), (14, 14))
        self.assertIn("4 more growing: --limit 0 shows all", self.shown(growing=many))

    def test_still_running(self) -> None:
        """A report of a program that has not ended says so, and has no shutdown."""
        lines = self.shown(ended=None, shutdown=None)
        self.assertTrue(lines[0].endswith("; its end is not reported"), lines[0])
        self.assertEqual([line for line in lines if line.startswith("shutdown")], [])

    def test_size_that_grows(self) -> None:
        """What grows by its size has its growth in bytes."""
        entry = {**LEAK, "measure": "size", "per_minute": 2e6, "gained": 3e7}
        self.assertIn(
            "    +2.0 MB a minute, +30 MB in all, since 2026-09-21 14:14:20 UTC",
            self.shown(leaks=[entry]),
        )

    def test_settled_and_pressure(self) -> None:
        """What was a leak once, and what waits for the collector, is shown as such."""
        lines = self.shown(settled=[LEAK], pressure=[{"signature": "1", "title": "a cycle"}])
        self.assertIn("settled  chat.Message held by chat.Room.messages  (new)", lines)
        self.assertIn("waits for the collector  a cycle", lines)
        self.assertEqual(lines[1], "1 proven, 1 growing, 1 settled, 1 waiting for the collector")

    def test_memory_that_nothing_explains(self) -> None:
        """That memory grows which is not Python's is a leak, with its sentence and its holders."""
        verdict = (
            "RSS grew by 80 MB in 40 min; Python objects explain 1.0 MB: look for native memory"
        )
        native = [{"type": "ssl.SSLContext", "count": 90, "bytes": 76500000}]
        memory = {**REPORT["memory"], "verdict": verdict, "native": native}
        said = self.run_command("report", self.write_report(report(leaks=[], memory=memory)))
        self.assertEqual(said.status, 1)
        self.assertIn(f"\n1 proven, 1 growing\n\nLEAK  memory\n    {verdict}\n\ngrow", said.out)
        self.assertIn("\n    native memory, an estimate: 76 MB of 90 ssl.SSLContext\n", said.out)

    def test_little_is_enough(self) -> None:
        """What a report does not have is not shown; nothing is made up for it."""
        name = self.write_report({"schema": 1, "tool": "txresource 0.0.1"})
        said = self.run_command("report", name)
        self.assertEqual((said.status, said.err), (0, ""))
        self.assertEqual(
            said.out,
            "txresource 0.0.1, a process, watched from a time that is not known;"
            " its end is not reported\n0 proven\n\n",
        )

    def test_keys_of_later_versions(self) -> None:
        """Keys that a later version has added are passed on to machines, and do no harm."""
        later = report(leaks=[{**LEAK, "later": 1}], later={"a": [1]})
        self.assertEqual(self.answer("report", self.write_report(later))["report"], later)

    def test_json(self) -> None:
        """Machines get the report as it is, and what it was that they asked for."""
        answer = self.answer("report", self.write_report(REPORT))
        self.assertEqual(
            answer, {"schema": 1, "command": "report", "problems": [], "report": REPORT}
        )


class DamagedReportTests(CommandTestCase):
    """What cannot be read is named, and the rest is shown."""

    def test_a_part_is_damaged(self) -> None:
        """A finding or a part that is not what it should be costs itself alone, and status 2."""
        cases = [
            ({"growing": [GROWING, 7]}, "number 2 of its 'growing' is no object"),
            ({"growing": {"a": 1}}, "the report has something else than a list as 'growing'"),
            (
                {"growing": [{**GROWING, "count": "many"}]},
                "number 1 of its 'growing' has something else than a number as 'count'",
            ),
            (
                {"growing": [{**GROWING, "title": 3}]},
                "number 1 of its 'growing' has something else than a text as 'title'",
            ),
            (
                {"growing": [{**GROWING, "trace": [{"edge": []}]}]},
                "a step of number 1 of its 'growing' has something else than a text as 'edge'",
            ),
            (
                {"growing": [{**GROWING, "created_at": [1]}]},
                "number 1 of its 'growing' has something else than texts in 'created_at'",
            ),
            ({"memory": {"rss": True}}, "'memory' has something else than a number as 'rss'"),
            (
                {"memory": {"rss": 10**400}},
                "'memory' has a number as 'rss' that is beyond all measure",
            ),
            ({"snapshots": 5}, "'snapshots' is no object"),
            ({"memory": {"verdict": 5}}, "'memory' has something else than a text as 'verdict'"),
            ({"memory": {"native": [5]}}, "a native holder is no object"),
            ({"shutdown": {"abandoned": [1]}}, "an abandoned thing is no object"),
            ({"started": "now"}, "the report has something else than a number as 'started'"),
        ]
        for changed, problem in cases:
            said = self.run_command("report", self.write_report(report(**changed)))
            self.assertEqual(said.err, f"txresource: report.json: {problem}\n")
            self.assertEqual(said.status, 2, problem)
            self.assertIn("LEAK  chat.Message held by chat.Room.messages", said.out, problem)

    def test_times_out_of_the_calendar(self) -> None:
        """A time that no calendar has is said to be not known."""
        for wrong in (1e15, -1e15, 10**17):
            said = self.run_command("report", self.write_report(report(started=wrong)))
            self.assertIn("watched from a time that is not known; ended", said.out)

    def test_names_do_no_harm(self) -> None:
        """What a terminal would obey, in the name of a type, is shown as Python writes it."""
        entry = {**LEAK, "title": "a\x1b[2J\u202eb\ud800", "trace": [], "created_at": ["\r\nx"]}
        out = self.run_command("report", self.write_report(report(leaks=[entry]))).out
        self.assertIn(r"a\x1b[2J\u202eb\ud800", out)
        self.assertIn(r"created at \r\nx", out)


def _underlines(lines: list[str]) -> list[int]:
    return [number for number, line in enumerate(lines) if line.strip("~ ") == "" and "~" in line]


WHOLE = """\
txresource 0.1.0, process 4242, watched from 2026-09-21 14:13:20 UTC; ended 2026-09-21 14:24:20 UTC
1 proven, 1 growing

LEAK  chat.Message held by chat.Room.messages  (new)
    3f2a91c04b
    12,040 objects, 674 kB
    +1,196 a minute, +11,960 objects in all, since 2026-09-21 14:14:20 UTC
    cutting it alone would free 1.2 MB, of 1.9 MB that it has a share in
    module chat
      .ROOM      chat.Room
      .messages  list
       ~~~~~~~~
      [*]        chat.Message
      ~~~

growing  bytes held by chat.Pages.cache  (seen)
    3f07d2e1c9
    800 objects, 51 kB
    +30 a minute, +300 objects in all, since 2026-09-21 14:14:20 UTC
    not proven: levelling off
    module chat
      .PAGES  chat.Pages
      .cache  dict
       ~~~~~
      [*]     bytes
      ~~~

memory: 57 MB resident (+3.1 MB), 21 MB in Python objects (+2.9 MB), 0.3 s in the garbage collector
snapshots: 11 taken, 0 refused, 0 failed, longest pause 3.1 ms
shutdown: 31 closed, 2 aborted, 1 abandoned in 10.4 s
    abandoned service chat.Stuck, waited for 10.0 s  [chat.py:17 in stopService: def stopService(self):]
"""
