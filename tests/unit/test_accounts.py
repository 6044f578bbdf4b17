"""The account of memory: what it says where objects do not explain the growth, and only there."""

from __future__ import annotations

import random
from collections.abc import Iterable

from twisted.trial.unittest import SynchronousTestCase

from txresource.leaks.accounts import LEAST_GAIN, Account, MemoryAccounts

MB = 1_000_000
CONTEXT = "OpenSSL.SSL.Context"


def accounts(
    rss: Iterable[float],
    python: Iterable[float] | None = None,
    contexts: Iterable[int] | None = None,
    load: Iterable[int] | None = None,
) -> tuple[MemoryAccounts, list[str | None]]:
    """What is known after snapshots a minute apart, of so many MB each; what was said at each."""
    rss = list(rss)
    columns = [
        rss,
        *(list(each) if each else [None] * len(rss) for each in (python, contexts, load)),
    ]
    found, said = MemoryAccounts(), []
    for number, (mb, python_mb, held, busy) in enumerate(zip(*columns, strict=True)):
        found.update(
            Account(
                taken_at=1e9 + 60.0 * number,
                rss=round(mb * MB),
                python=round(20 * MB if python_mb is None else python_mb * MB),
                load=busy,
                native={} if held is None else {CONTEXT: (held, held * 900_000)},
            )
        )
        said.append(found.verdict)
    return found, said


class VerdictTests(SynchronousTestCase):
    """What the verdict says."""

    def test_native_growth(self) -> None:
        """RSS grows without an end, Python objects do not: this is said, in numbers."""
        found, _ = accounts(rss=[50 + 4 * n for n in range(40)])
        verdict = found.verdict
        assert verdict is not None
        self.assertRegex(
            verdict,
            r"^RSS grew by 1\d\d MB in \d\d minutes; Python objects explain 0 bytes:"
            r" look for native memory . what C libraries",
        )
        self.assertEqual(found.as_report()["verdict"], verdict)

    def test_named(self) -> None:
        """Objects that hold native memory are named where they explain a part of it."""
        numbers = range(40)
        found, _ = accounts(
            rss=[50 + 0.95 * n for n in numbers], contexts=[100 + n for n in numbers]
        )
        self.assertRegex(
            str(found.verdict), rf"native memory . {CONTEXT} \+\d\d, of about 900 kB each$"
        )

    def test_not_named(self) -> None:
        """Those that are there and have not become more are not."""
        found, _ = accounts(rss=[50 + 4 * n for n in range(40)], contexts=[100] * 40)
        self.assertIsNotNone(found.verdict)
        self.assertNotIn(CONTEXT, str(found.verdict))

    def test_explained(self) -> None:
        """Where Python objects explain the growth by half nothing is said: they are told of."""
        numbers = range(40)
        rss = [50 + 4 * n for n in numbers]
        self.assertIsNone(accounts(rss, python=[20 + 3.5 * n for n in numbers])[1][-1])
        self.assertIsNone(accounts(rss, python=[20 + 2.1 * n for n in numbers])[1][-1])
        found, _ = accounts(rss, python=[20 + 0.1 * n for n in numbers])
        self.assertRegex(str(found.verdict), r"Python objects explain [34]\.\d MB: look")

    def test_not_known(self) -> None:
        """Where nobody measured the Python objects nothing is said."""
        found = MemoryAccounts()
        for number in range(40):
            found.update(Account(1e9 + 60.0 * number, (50 + 4 * number) * MB, None))
        self.assertIsNone(found.verdict)
        self.assertIsNone(found.as_report()["python_growth"])


class SilenceTests(SynchronousTestCase):
    """What is no growth."""

    def check_silent(self, rss: list[float], load: list[int] | None = None) -> None:
        """Nothing is said at any time of this."""
        _, said = accounts(rss, load=load)
        self.assertEqual(set(said), {None}, said)

    def test_plateau(self) -> None:
        """What grows at first and then stays, at once or little by little, is silent."""
        self.check_silent([min(50 + 10 * n, 250) for n in range(60)])
        self.check_silent([250 - 200 * 0.8**n for n in range(60)])

    def test_noise(self) -> None:
        """What goes up and down is silent."""
        chance = random.Random(1)
        self.check_silent([100 + 30 * chance.random() for _ in range(60)])

    def test_steps(self) -> None:
        """One step, however high, is silent."""
        self.check_silent([50] * 20 + [500] * 40)

    def test_little(self) -> None:
        """Growth of less than allocators take is silent."""
        most = LEAST_GAIN / MB
        self.check_silent([50 + 0.9 * most * n / 60 for n in range(60)])

    def test_load(self) -> None:
        """What only follows the load is silent."""
        load = [10 * n for n in range(40)]
        self.check_silent([50 + 0.4 * each for each in load], load)


class ReportTests(SynchronousTestCase):
    """What the report has."""

    def test_growth(self) -> None:
        """Growth is counted from the first snapshot, however many there were since."""
        report = accounts(rss=[50, 90] * 150 + [70], contexts=range(301))[0].as_report()
        self.assertEqual((report["rss"], report["rss_growth"]), (70 * MB, 20 * MB))
        self.assertEqual((report["python_bytes"], report["python_growth"]), (20 * MB, 0))
        self.assertEqual(
            report["native"], [{"type": CONTEXT, "count": 300, "bytes": 300 * 900_000}]
        )

    def test_bounded(self) -> None:
        """What is kept does not grow with the number of snapshots."""
        found, _ = accounts(rss=[50.0] * 300)
        self.assertLessEqual(len(found._kept), 65)
