"""The other end of a benchmark: a child process that is asked to do things, one at a time."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol


class Peer(ProcessProtocol):
    """
    A child that runs this benchmark's file with the argument ``--peer``.

    :param reactor: starts it.
    :param file: the ``__file__`` of the benchmark.
    """

    def __init__(self, reactor: Any, file: str) -> None:
        self._received = b""
        self._asked: Deferred[Any] | None = None
        self._process = reactor.spawnProcess(
            self,
            sys.executable,
            [sys.executable, file, "--peer"],
            env=None,
            childFDs={0: "w", 1: "r", 2: 2},
        )

    def ask(self, name: str, *arguments: Any) -> Deferred[Any]:
        """Let the child call a function; a Deferred of what that returned."""
        asked: Deferred[Any] = Deferred()
        self._asked = asked
        self._process.write(json.dumps([name, *arguments]).encode() + b"\n")
        return asked

    def outReceived(self, data: bytes) -> None:
        self._received += data
        if self._received.endswith(b"\n"):
            answer, self._received = json.loads(self._received), b""
            asked, self._asked = self._asked, None
            assert asked is not None
            asked.callback(answer)

    def processEnded(self, reason: Any) -> None:
        if self._asked is not None:
            self._asked.errback(reason)

    def end(self) -> None:
        """Let it go."""
        self._process.closeStdin()


def answer_questions(*functions: Callable[..., Any]) -> None:
    """The child's side: call what it is asked to call, until nobody asks any more."""
    known = {function.__name__: function for function in functions}
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(known[name](*arguments)), flush=True)
