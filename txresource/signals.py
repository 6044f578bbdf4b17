"""Signals of a process in care: the first one drains, the second aborts, SIGUSR2 asks."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ("CareSignals",)

_ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)
_ASKING = getattr(signal, "SIGUSR2", None)


class CareSignals:
    """
    Our signal handlers, in front of Twisted's.

    :param reactor: the reactor.
    :param closing: says whether the reactor is stopping already.
    :param again: called in the reactor when a signal to end comes while it is stopping.
    :param ask: called in the reactor on SIGUSR2.
    """

    def __init__(
        self,
        reactor: Any,
        *,
        closing: Callable[[], bool],
        again: Callable[[], None],
        ask: Callable[[], object],
    ) -> None:
        self._reactor = reactor
        self._closing = closing
        self._again = again
        self._ask = ask
        self._before: dict[int, Any] = {}
        self._ended = False

    def install(self) -> None:
        """
        Install them; those that end wait for Twisted's own, which come after start-up.

        Does nothing outside of the main thread, where Python allows no handlers.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        if _ASKING is not None and signal.getsignal(_ASKING) is signal.SIG_DFL:
            self._before[_ASKING] = signal.SIG_DFL
            signal.signal(_ASKING, self._on_ask)
        if getattr(self._reactor, "running", False):
            self._go_in_front()
        else:
            self._reactor.addSystemEventTrigger("after", "startup", self._go_in_front)

    def _go_in_front(self) -> None:
        for number in _ENDING:
            before = signal.getsignal(number)
            if callable(before) and before not in (signal.default_int_handler, self._end):
                self._before[number] = before
                signal.signal(number, self._end)

    def remove(self) -> None:
        """Put back what was there."""
        before, self._before = self._before, {}
        ours = (self._end, self._on_ask)
        for number, handler in before.items():
            if signal.getsignal(number) in ours:
                signal.signal(number, handler)

    def _end(self, number: int, frame: FrameType | None) -> None:
        if self._closing():
            self._reactor.callFromThread(self._again)
        elif self._ended:
            # In the turn of the first one, at the end of which the reactor begins to stop.
            self._reactor.callFromThread(self._reactor.callFromThread, self._again)
        else:
            self._ended = True
            self._before[number](number, frame)

    def _on_ask(self, number: int, frame: FrameType | None) -> None:
        self._reactor.callFromThread(self._ask)
