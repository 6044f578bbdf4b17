"""Signals of a process in care: the first one drains, the second aborts, SIGUSR2 asks."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from twisted.logger import Logger

__all__ = ("CareSignals",)

log = Logger()

_ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)
_HANGUP = getattr(signal, "SIGHUP", None)
_ASKING = getattr(signal, "SIGUSR2", None)


class CareSignals:
    """
    Our signal handlers, in front of Twisted's.

    :param reactor: the reactor.
    :param closing: says whether the reactor is stopping already.
    :param again: called in the reactor, once, when a signal to end comes while it is stopping.
    :param ask: called in the reactor on SIGUSR2.
    """

    def __init__(
        self,
        reactor: Any,
        *,
        closing: Callable[[], bool | None],
        again: Callable[[], None],
        ask: Callable[[], object],
    ) -> None:
        self._reactor = reactor
        self._closing = closing
        self._again = again
        self._ask = ask
        self._before: dict[int, Any] = {}
        #: How often we were told to end.
        self._told = 0
        # A process that was forked between here and the start is a daemon.
        self._pid = os.getpid()

    def install(self) -> None:
        """
        Install them; those that end wait for Twisted's own, which come after start-up.

        Does nothing outside of the main thread, where Python allows no handlers.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        self._told = 0
        self._take(_ASKING, self._on_ask)
        if getattr(self._reactor, "running", False):
            self._go_in_front()
        else:
            self._reactor.addSystemEventTrigger("after", "startup", self._go_in_front)

    def _take(self, number: int | None, handler: Callable[..., None]) -> None:
        """Take a signal that nobody else has use for; one that is ignored is left so."""
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            self._before[number] = signal.SIG_DFL
            signal.signal(number, handler)

    def _go_in_front(self) -> None:
        for number in _ENDING:
            before = signal.getsignal(number)
            if callable(before) and before not in (signal.default_int_handler, self._end):
                self._before[number] = before
                signal.signal(number, self._end)
        # The terminal of a program in the foreground has gone. Nobody hangs up on a daemon: who
        # sends it SIGHUP means something else.
        if signal.SIGTERM in self._before and os.getpid() == self._pid:
            self._take(_HANGUP, self._end)

    def remove(self) -> None:
        """Put back what was there."""
        before, self._before = self._before, {}
        ours = (self._end, self._on_ask)
        for number, handler in before.items():
            if signal.getsignal(number) in ours:
                signal.signal(number, handler)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._told += 1 if self._told or not self._closing() else 2
        if self._told == 1:
            self._begin(number, frame)
        elif self._told == 2 and self._closing():
            self._reactor.callFromThread(self._again)
        elif self._told == 2:
            # In the turn of the first one, at the end of which the reactor begins to stop.
            self._reactor.callFromThread(self._reactor.callFromThread, self._again)
        elif self._told == 3:
            # Said here, as Twisted does: the reactor may not come to another turn.
            log.info("told to end a third time: this one and those after it are ignored")

    def _begin(self, number: int, frame: FrameType | None) -> None:
        before = self._before[number]
        if number == _HANGUP:
            log.info("SIGHUP ends this program as SIGTERM does")
            before = self._before[signal.SIGTERM]  # it keeps the number: twistd ends by it
        before(number, frame)

    def _on_ask(self, number: int, frame: FrameType | None) -> None:
        self._reactor.callFromThread(self._ask)
