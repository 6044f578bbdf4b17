"""What the tests of weak callbacks share."""

from __future__ import annotations

import gc
import threading
from typing import Any

from twisted.internet.defer import inlineCallbacks
from twisted.trial.unittest import SynchronousTestCase

import txresource.weak


class Owner:
    """Something with callbacks."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def note(self, *args: object, **kwargs: object) -> str:
        """Remember the call."""
        self.calls.append((args, kwargs))
        return "noted"

    def echo(self, result: Any) -> Any:
        return result

    def shout(self, text: str, *, twice: bool = False) -> str:
        """Raise the voice."""
        return text.upper() * (2 if twice else 1)

    def refuse(self, result: object) -> None:
        raise ValueError(result)

    @inlineCallbacks
    def wait_for(self, other):
        result = yield other
        return result * 2

    async def answer(self, result: int) -> int:
        return result + 1


class Hostile:
    """Refuses everything that is not a plain call."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")

    def __hash__(self) -> int:
        raise AssertionError("hashed")

    def __bool__(self) -> bool:
        raise AssertionError("tested for truth")

    def __repr__(self) -> str:
        raise AssertionError("asked for its repr")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError("asked for " + name)

    def note(self, result: object = None) -> str:
        return "noted"


class CollectorOffMixin:
    """Runs each test without the garbage collector: only reference counts free things."""

    def setUp(self) -> None:
        super().setUp()  # type: ignore[misc]
        gc.disable()
        self.addCleanup(gc.enable)  # type: ignore[attr-defined]


class ThreadedReactor:
    """A reactor as seen from other threads: it only queues."""

    running = True
    _startedBefore = False
    error: Exception | None = None

    def __init__(self) -> None:
        self.queue: list[Any] = []

    def callFromThread(self, call: Any, *args: object) -> None:
        if self.error is not None:
            raise self.error
        self.queue.append((call, args, threading.current_thread()))

    def turn(self) -> None:
        queue, self.queue = self.queue, []
        for call, args, _ in queue:
            call(*args)


class WatchCase(CollectorOffMixin, SynchronousTestCase):
    """Nothing stays in the registry, whatever a test did."""

    def setUp(self) -> None:
        super().setUp()
        self.assertEqual(txresource.weak._watches, {})
        self.addCleanup(lambda: self.assertEqual(txresource.weak._watches, {}))
