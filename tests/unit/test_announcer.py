"""When a finding is news."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txresource.leaks.announcer import QUIET, Announcer


class AnnouncerTests(SynchronousTestCase):
    """Each finding once, and never too often."""

    def setUp(self) -> None:
        """An announcer, and the time."""
        self.announcer = Announcer()
        self.now = 1e9

    def told(self, *signatures: str, holds: bool = True) -> list[str]:
        """Which of some findings are news."""
        entries = [{"signature": signature} for signature in signatures]
        return [entry["signature"] for entry in self.announcer.news(entries, holds, self.now)]

    def test_once(self) -> None:
        """A leak is told once, however long it holds; another one is told for itself."""
        self.assertEqual(self.told("a"), ["a"])
        for _ in range(3):
            self.now += QUIET
            self.assertEqual(self.told("a"), [])
        self.assertEqual(self.told("a", "b"), ["b"])

    def test_settled(self) -> None:
        """A leak that was told is told to have settled, once, when the hour is over."""
        self.told("a")
        self.assertEqual(self.told("a", holds=False), [])
        self.now += QUIET
        self.assertEqual(self.told("a", holds=False), ["a"])
        self.assertEqual(self.told("a", holds=False), [])

    def test_never_told(self) -> None:
        """What settles and was never told to be a leak is no news."""
        self.assertEqual(self.told("a", holds=False), [])
        self.assertEqual(self.told("a"), ["a"])

    def test_back_and_forth(self) -> None:
        """Of one that comes and goes something is told once an hour."""
        told = []
        for minute in range(180):
            holds = minute % 2 == 0
            told += [(minute, holds) for _ in self.told("a", holds=holds)]
            self.now += 60
        self.assertEqual(told, [(0, True), (61, False), (122, True)])

    def test_back(self) -> None:
        """One that is back within the hour was never away."""
        self.told("a")
        self.told("a", holds=False)
        self.now += QUIET
        self.assertEqual(self.told("a"), [])
