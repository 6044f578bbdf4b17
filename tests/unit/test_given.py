"""What a reactor keeps alive, over reactors that never run."""

from __future__ import annotations

from typing import Any

from twisted.internet.base import DelayedCall, ReactorBase
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txresource.leaks.given import reactor_roots


class Never:
    """Stands where a reactor should be, and raises when it is touched."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(name)


class ByNumber:
    """Keeps what it reads and writes by descriptors, as epoll's and poll's reactors do."""

    def __init__(self) -> None:
        self._reads, self._writes = {5, 7}, {5: 1}
        self._selectables = {5: "five", 7: "seven"}


class ByObject:
    """Keeps what it reads in a dictionary of objects, as asyncio's reactor does."""

    def __init__(self) -> None:
        self._readers = {"one": 3}


class GivenTests(SynchronousTestCase):
    """From a reactor to roots with names."""

    def test_clock(self) -> None:
        """Of a clock there are its timers."""
        clock = Clock()
        call = clock.callLater(1, print)
        self.assertEqual(reactor_roots(clock), {"reactor's timers": [call]})

    def test_cancelled(self) -> None:
        """Calls that were cancelled are apart, until the reactor throws them out."""
        reactor = SelectReactor.__new__(SelectReactor)
        calls = [DelayedCall(1.0, print, (), {}, lambda _: None, lambda _: None) for _ in range(3)]
        reactor._pendingTimedCalls, reactor._newTimedCalls = calls[:2], calls[2:]
        calls[1].cancel()
        self.assertEqual(
            reactor_roots(reactor),
            {
                "reactor's timers": [calls[0], calls[2]],
                "reactor's cancelled timers (bounded)": [calls[1]],
            },
        )

    def test_by_number(self) -> None:
        """What a reactor knows by numbers is given as the objects behind them."""
        found = {root: sorted(things) for root, things in reactor_roots(ByNumber()).items()}
        self.assertEqual(
            found, {"reactor's readers": ["five", "seven"], "reactor's writers": ["five"]}
        )

    def test_by_object(self) -> None:
        """What a reactor knows by objects is given as it is."""
        self.assertEqual(reactor_roots(ByObject()), {"reactor's readers": ["one"]})

    def test_number_of_nobody(self) -> None:
        """A number that nobody stands for leads nowhere."""
        reactor = ByNumber()
        reactor._selectables.clear()
        self.assertEqual(reactor_roots(reactor), {})

    def test_twisted(self) -> None:
        """Twisted's own reactors have all of it where we look for it."""
        reactor: Any = SelectReactor()
        self.addCleanup(reactor.removeAll)
        reader = type("Reader", (), {"fileno": lambda self: -1})()
        reactor.addReader(reader)
        reactor.addWriter(reader)
        call = reactor.callLater(1, print)
        self.addCleanup(call.cancel)
        reactor.addSystemEventTrigger("before", "shutdown", print, "here")
        reactor.callFromThread(print)
        pool = reactor.getThreadPool()
        found = reactor_roots(reactor)
        self.assertIn(reader, found["reactor's readers"])
        self.assertEqual(found["reactor's writers"], [reader])
        self.assertEqual(found["reactor's timers"], [call])
        self.assertIn((print, ("here",), {}), found["reactor's system event triggers"])
        self.assertIn((print, (), {}), found["reactor's calls from threads"])
        self.assertEqual(found["reactor's thread pool"], [pool])

    def test_odd(self) -> None:
        """What is no reactor is asked for nothing, and has nothing."""
        for odd in (None, object(), Never(), 5, ReactorBase):
            self.assertEqual(reactor_roots(odd), {})
