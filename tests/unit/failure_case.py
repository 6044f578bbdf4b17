"""What the tests of failures share."""

from __future__ import annotations

import gc
import weakref
from collections import deque
from types import FrameType, TracebackType
from typing import Any

from twisted.copyright import version
from twisted.internet.defer import (
    FirstError,
)
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseFailed

# Until 24.7 a Deferred cleaned every failure itself when a callback had failed.
CLEANS_ITSELF = tuple(map(int, version.split(".")[:2])) < (24, 10)


class Local:
    """A local variable that somebody would miss."""


class Raiser:
    """Raises in a frame whose local variable is watched."""

    def __init__(self) -> None:
        self.refs: list[Any] = []

    def error(self, kind: Any = ValueError, *args: object, **capture: bool) -> Failure:
        try:
            self.innermost(kind, *args)
        except BaseException:
            return Failure(**capture)
        raise AssertionError

    def innermost(self, kind: Any, *args: object) -> None:
        local = Local()
        self.refs.append(weakref.ref(local))
        raise kind(*args)

    @property
    def freed(self) -> bool:
        return bool(self.refs) and all(ref() is None for ref in self.refs)


def frames_of(root: object) -> list[object]:
    """Find every frame and traceback that can be reached from a failure, the hard way."""
    found, pending, seen = [], [root], set()
    while pending:
        item = pending.pop()
        if id(item) in seen or isinstance(item, type) or callable(item):
            continue
        seen.add(id(item))
        if isinstance(item, (FrameType, TracebackType)):
            found.append(item)
            continue
        pending += gc.get_referents(item)
    return found


class ScrubCase(SynchronousTestCase):
    """Runs without the garbage collector."""

    def setUp(self) -> None:
        super().setUp()
        gc.disable()
        self.addCleanup(gc.enable)
        self.raiser = Raiser()


class Slotted(Exception):
    __slots__ = ("inner",)


class Odd(Exception):
    """Answers questions with errors, once it is armed."""

    armed = False

    def __getattribute__(self, name: str) -> Any:
        if Odd.armed:
            raise AssertionError("asked for " + name)
        return super().__getattribute__(name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AssertionError("told " + name)

    def __hash__(self) -> int:
        raise AssertionError("hashed")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")


def holder(kind: str, inner: Any) -> Any:
    """Put an exception or failure into one of the shapes in which they nest."""
    outer: Any = ValueError(kind)
    if kind == "cause":
        outer.__cause__ = inner.value
    elif kind == "context":
        outer.__context__ = inner.value
    elif kind == "argument":
        outer = ValueError(inner)
    elif kind == "attribute":
        outer.inner = inner
    elif kind == "exception attribute":
        outer.inner = inner.value
    elif kind == "slot":
        outer = Slotted()
        outer.inner = inner
    elif kind == "first error":
        outer = FirstError(inner, 0)
    elif kind == "response failed":
        outer = ResponseFailed([inner])
    elif kind == "failure value":
        return inner
    else:
        outer.inner = {
            "list": [inner],
            "tuple": ((inner,),),
            "dict value": {"k": inner},
            "dict key": {inner: 1},
            "set": {inner},
            "frozenset": frozenset([inner]),
            "deque": deque([inner]),
            "deep": [{"k": (deque([{inner}]),)}],
        }[kind]
    return outer


KINDS = (
    "cause",
    "context",
    "argument",
    "attribute",
    "exception attribute",
    "slot",
    "first error",
    "response failed",
    "failure value",
    "list",
    "tuple",
    "dict value",
    "dict key",
    "set",
    "frozenset",
    "deque",
    "deep",
)
