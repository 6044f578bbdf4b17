"""``CareService`` as a service like others: made, started, stopped, started again."""

from __future__ import annotations

import os
import socket
from typing import Any
from uuid import uuid4

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from txresource import Scope
from txresource.care import CareService


class FiringReactor(MemoryReactorClock):
    """
    A reactor that remembers.

    :ivar fired: the system events that somebody fired.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fired: list[str] = []

    def fireSystemEvent(self, event: str) -> None:
        """Remember it."""
        self.fired.append(event)


class LifeTests(SynchronousTestCase):
    """Start and stop."""

    def setUp(self) -> None:
        """A reactor that remembers, and a log."""
        self.reactor: Any = FiringReactor()
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
        error = self.assertRaises(ValueError, CareService, self.reactor, grace=3, linger=3)
        self.assertEqual(str(error), "linger is a part of the grace: less than 3 seconds, not 3")

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

    def test_leaves_no_call_behind(self) -> None:
        """After a stop of its own, while the reactor goes on, nothing is left in the reactor."""
        care = CareService(self.reactor, Service(), interval=0)
        care.startService()
        self.successResultOf(care.stopService())
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_one_account(self) -> None:
        """One line says what is open, with the tree below it, one what became of it."""
        care = CareService(self.reactor, Service(), interval=0)
        care.startService()
        self.successResultOf(care.stopService())
        closing = [line for line in self.said if line.startswith("closing")]
        self.assertEqual(len(closing), 1)
        self.assertTrue(closing[0].startswith("closing 1 service:\nscope reactor"))
        self.assertEqual(len([line for line in self.said if line.startswith("closed")]), 1)

    def test_told_again(self) -> None:
        """Told to end while it closes it aborts; afterwards that is nothing to it."""
        care = CareService(self.reactor, interval=0)
        care.startService()
        held = Scope(self.reactor, "held")
        held.own(object(), close=Deferred)
        stopped = care.stopService()
        care.abort()
        self.successResultOf(stopped)
        care.abort()
        self.assertEqual(len([line for line in self.said if "told again" in line]), 1)
        self.assertIn("told again to end: aborting 1 thing", self.said)
        self.assertEqual((held.state, self.reactor.getDelayedCalls()), ("closed", []))

    def test_told_again_while_others_wait(self) -> None:
        """Told to end when all of ours is closed it goes on without the triggers of others."""
        self.reactor.running = True
        care = CareService(self.reactor, Service(), interval=0)
        care.startService()
        ((shutdown, args, kwargs), *_) = self.reactor.triggers["before"]["shutdown"]
        self.successResultOf(shutdown(*args, **kwargs))
        self.reactor.advance(2)
        self.assertIn("all of ours is closed", self.said[-1])
        self.assertEqual(self.reactor.fired, [])
        care.abort()
        self.assertIn("the shutdown triggers of others no longer", self.said[-1])
        self.reactor.advance(0)
        self.assertEqual(self.reactor.fired, ["shutdown"])
        for leave, args, kwargs in self.reactor.triggers["after"]["shutdown"]:
            leave(*args, **kwargs)
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class NotifyTests(SynchronousTestCase):
    """What systemd is told."""

    def setUp(self) -> None:
        """A socket that ``NOTIFY_SOCKET`` names, and a reactor that remembers."""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.bind("\0txresource-test-" + uuid4().hex)
        self.socket.setblocking(False)
        os.environ["NOTIFY_SOCKET"] = self.socket.getsockname().decode().replace("\0", "@")
        self.addCleanup(os.environ.pop, "NOTIFY_SOCKET")
        self.reactor: Any = FiringReactor()
        self.care = CareService(self.reactor, Service(), interval=0, grace=3)

    def heard(self) -> list[str]:
        """All lines that came since the last look."""
        lines: list[str] = []
        while True:
            try:
                lines += self.socket.recv(65536).decode().split("\n")
            except BlockingIOError:
                return lines

    def triggers(self, phase: str, event: str) -> None:
        """Call what waits for an event of the reactor."""
        for function, args, kwargs in self.reactor.triggers[phase][event]:
            function(*args, **kwargs)

    def test_ready_after_start_up(self) -> None:
        """It is ready when the reactor has started, and everybody's triggers have been called."""
        self.care.startService()
        self.assertEqual(self.heard(), [])
        self.triggers("after", "startup")
        self.assertEqual(self.heard(), ["READY=1", "STATUS=in care: 1 service"])

    def test_ready_at_once(self) -> None:
        """In a reactor that runs it is ready when its services have started."""
        self.reactor.running = True
        self.care.startService()
        self.assertEqual(self.heard()[0], "READY=1")

    def test_stopped_while_it_starts(self) -> None:
        """A program that is told to end before it has started is never ready."""
        self.care.startService()
        self.triggers("before", "shutdown")
        self.triggers("after", "startup")
        self.assertNotIn("READY=1", self.heard())

    def test_stopping(self) -> None:
        """A shutdown is told at once, with the time that it may take, and then how it goes."""
        self.reactor.running = True
        self.care.startService()
        self.heard()
        held = Scope(self.reactor, "held")
        held.own(object(), close=Deferred)
        self.triggers("before", "shutdown")
        self.assertEqual(
            self.heard(),
            [
                "STOPPING=1",
                "EXTEND_TIMEOUT_USEC=14500000",
                "STATUS=draining: 1 service, 1 thing left",
            ],
        )
        self.reactor.advance(2)
        self.assertEqual(self.heard(), ["STATUS=draining: 1 service, 1 thing left"])
        self.reactor.pump([0.5] * 6)
        self.assertEqual(self.heard(), ["STATUS=closed 1, aborted 0, abandoned 1 in 3.5 s"])
        # This reactor waits for somebody else.
        self.assertEqual((held.state, self.reactor.fired), ("closed", ["shutdown"]))

    def test_stopped_alone(self) -> None:
        """When the care ends and the program goes on, nobody is told that it stops."""
        self.reactor.running = True
        self.care.startService()
        self.successResultOf(self.care.stopService())
        self.assertEqual([line for line in self.heard() if line.startswith("STOPPING")], [])
