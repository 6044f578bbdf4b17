"""``CareService`` as a service like others: made, started, stopped, started again."""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from txresource.care import CareService


class LifeTests(SynchronousTestCase):
    """Start and stop."""

    def setUp(self) -> None:
        """A reactor that remembers, and a log."""
        self.reactor: Any = MemoryReactorClock()
        self.said: list[str] = []
        globalLogPublisher.addObserver(self.hear)
        self.addCleanup(globalLogPublisher.removeObserver, self.hear)

    def hear(self, event: dict[str, Any]) -> None:
        """Keep what txresource says."""
        if str(event.get("log_namespace")).startswith("txresource."):
            self.said.append(event["log_format"].format(**event))

    def test_bad_times(self) -> None:
        """A time that cannot be waited for is refused before anything starts."""
        for times in ({"grace": -1}, {"interval": -1}, {"grace": float("nan")}, {"grace": 1e999}):
            error = self.assertRaises(ValueError, CareService, self.reactor, **times)
            self.assertIn(f"{next(iter(times))} is a number of seconds, 0 or more", str(error))

    def test_started_twice(self) -> None:
        """A second start does nothing; one stop ends it."""
        child = Service()
        care = CareService(self.reactor, child, interval=0)
        care.startService()
        triggers = len(self.reactor.triggers["before"]["shutdown"])
        care.startService()
        self.assertEqual(len(self.reactor.triggers["before"]["shutdown"]), triggers)
        self.assertEqual(len([line for line in self.said if "takes care of" in line]), 1)
        self.successResultOf(care.stopService())
        self.assertEqual((care.running, child.running), (0, 0))

    def test_started_again(self) -> None:
        """After a stop it takes care as before."""
        care = CareService(self.reactor, Service(), interval=0)
        for _ in range(2):
            care.startService()
            self.successResultOf(care.stopService())
        closed = [line for line in self.said if line.startswith("closed 1, aborted 0")]
        self.assertEqual(len(closed), 2)
