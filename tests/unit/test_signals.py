"""The signals of a process in care."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from txresource.signals import CareSignals

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2, signal.SIGHUP)


class SignalReactor:
    """A reactor that collects what signals and triggers ask of it."""

    def __init__(self, running: bool) -> None:
        self.running = running
        self.calls: list[Any] = []
        self.triggers: list[tuple[str, str, Callable[[], None]]] = []

    def callFromThread(self, function: Any, *args: Any) -> None:
        """Keep a call."""
        self.calls.append(partial(function, *args) if args else function)

    def addSystemEventTrigger(self, phase: str, event: str, function: Any) -> None:
        """Keep a trigger."""
        self.triggers.append((phase, event, function))


class SignalTests(SynchronousTestCase):
    """First, second, and the one that asks."""

    def setUp(self) -> None:
        """Handlers like Twisted's are there; what was there before comes back."""
        for number in NUMBERS:
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.said: list[str] = []
        globalLogPublisher.addObserver(self.hear)
        self.addCleanup(globalLogPublisher.removeObserver, self.hear)
        self.first: list[int] = []
        signal.signal(signal.SIGINT, self.twisted)
        signal.signal(signal.SIGTERM, self.twisted)
        signal.signal(signal.SIGUSR2, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        self.reactor = SignalReactor(running=True)
        self.closing = False
        self.signals = CareSignals(
            self.reactor, closing=lambda: self.closing, again=self.again, ask=self.ask
        )
        self.addCleanup(self.signals.remove)

    def hear(self, event: Any) -> None:
        """Keep what is said."""
        self.said.append(formatEvent(event))

    def twisted(self, number: int, frame: Any) -> None:
        """What Twisted does at the first signal."""
        self.first.append(number)

    def again(self) -> None:
        """What is done at the second."""

    def ask(self) -> None:
        """What is done when asked."""

    def test_first_and_second(self) -> None:
        """The first signal goes to Twisted's handler; the second is a call in the reactor."""
        self.signals.install()
        os.kill(os.getpid(), signal.SIGTERM)
        self.assertEqual((self.first, self.reactor.calls), ([signal.SIGTERM], []))
        self.closing = True
        os.kill(os.getpid(), signal.SIGINT)
        self.assertEqual(self.first, [signal.SIGTERM])
        self.assertEqual(self.reactor.calls, [self.again])

    def test_second_in_the_same_turn(self) -> None:
        """A second signal before the reactor began to stop is told one turn later, when it has."""
        self.signals.install()
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        self.reactor.calls.pop()()
        self.assertEqual((self.first, self.reactor.calls), ([signal.SIGTERM], [self.again]))

    def test_closing_already(self) -> None:
        """A first signal while the reactor stops is a second one."""
        self.signals.install()
        self.closing = True
        os.kill(os.getpid(), signal.SIGINT)
        self.assertEqual((self.first, self.reactor.calls), ([], [self.again]))

    def test_third_and_more(self) -> None:
        """The third one is a line in the log; those after it are nothing."""
        self.signals.install()
        self.closing = True
        for _ in range(4):
            os.kill(os.getpid(), signal.SIGTERM)
        self.assertEqual((self.first, self.reactor.calls), ([], [self.again]))
        self.assertEqual(len(self.said), 1)
        self.assertIn("ignored", self.said[0])

    def test_hangup(self) -> None:
        """In the foreground SIGHUP goes to Twisted's handler of SIGTERM, as what it is."""
        self.signals.install()
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual(self.first, [signal.SIGHUP])
        self.assertEqual(self.said, ["SIGHUP ends this program as SIGTERM does"])
        self.closing = True
        os.kill(os.getpid(), signal.SIGTERM)
        self.assertEqual(self.reactor.calls, [self.again])

    def test_hangup_of_others(self) -> None:
        """SIGHUP is left alone where it is ignored, or the program handles it itself."""
        for handler in (signal.SIG_IGN, self.ask_not):
            signal.signal(signal.SIGHUP, handler)
            self.signals.install()
            self.assertEqual(signal.getsignal(signal.SIGHUP), handler)
            self.signals.remove()

    def test_hangup_without_sigterm(self) -> None:
        """Where Twisted handles no SIGTERM, nobody knows how to end by SIGHUP."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self.signals.install()
        self.assertEqual(signal.getsignal(signal.SIGHUP), signal.SIG_DFL)

    def test_ask(self) -> None:
        """SIGUSR2 is a call in the reactor, every time."""
        self.signals.install()
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGUSR2)
        self.assertEqual((self.first, self.reactor.calls), ([], [self.ask, self.ask]))

    def test_waits_for_start_up(self) -> None:
        """Before the reactor runs only SIGUSR2 is taken: Twisted's handlers come first."""
        self.reactor.running = False
        self.signals.install()
        self.assertEqual(signal.getsignal(signal.SIGTERM), self.twisted)
        self.assertNotEqual(signal.getsignal(signal.SIGUSR2), signal.SIG_DFL)
        ((phase, event, install),) = self.reactor.triggers
        self.assertEqual((phase, event), ("after", "startup"))
        install()
        self.assertNotEqual(signal.getsignal(signal.SIGTERM), self.twisted)

    def test_running_reactor(self) -> None:
        """In a reactor that runs they are installed at once."""
        self.signals.install()
        self.assertNotEqual(signal.getsignal(signal.SIGTERM), self.twisted)
        self.assertEqual(self.reactor.triggers, [])

    def test_installed_twice(self) -> None:
        """Installing them once more changes nothing: the first signal still reaches Twisted."""
        for _ in range(2):
            self.signals.install()
        os.kill(os.getpid(), signal.SIGTERM)
        self.assertEqual((self.first, self.reactor.calls), ([signal.SIGTERM], []))

    def test_remove(self) -> None:
        """Removing puts back what was there; a second time changes nothing."""
        self.signals.install()
        for _ in range(2):
            self.signals.remove()
            found = [signal.getsignal(number) for number in NUMBERS]
            self.assertEqual(found, [self.twisted, self.twisted] + [signal.SIG_DFL] * 2)

    def test_remove_leaves_a_stranger(self) -> None:
        """A handler that somebody installed after ours stays."""
        self.signals.install()
        signal.signal(signal.SIGTERM, self.ask_not)
        self.signals.remove()
        self.assertEqual(signal.getsignal(signal.SIGTERM), self.ask_not)
        self.assertEqual(signal.getsignal(signal.SIGINT), self.twisted)

    def ask_not(self, number: int, frame: Any) -> None:
        """A stranger's handler."""

    def test_leaves_what_is_not_pythons(self) -> None:
        """Ignored, default and KeyboardInterrupt stay, and so does a program's own SIGUSR2."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGUSR2, self.ask_not)
        before = [signal.getsignal(number) for number in NUMBERS]
        self.signals.install()
        self.assertEqual([signal.getsignal(number) for number in NUMBERS], before)

    def test_other_thread(self) -> None:
        """In a thread that may not install handlers nothing is done, and nothing raised."""
        raised: list[BaseException] = []

        def install() -> None:
            try:
                self.signals.install()
            except BaseException as error:
                raised.append(error)

        thread = threading.Thread(target=install)
        thread.start()
        thread.join(10)
        self.assertEqual(raised, [])
        self.assertEqual(signal.getsignal(signal.SIGTERM), self.twisted)
