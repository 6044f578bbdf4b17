"""What runs right now: the frames of the calling test, and what is only passing through them."""

from __future__ import annotations

import sys
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_OPTIMIZED
from threading import get_ident
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType
from typing import Any

from twisted.internet.defer import Deferred

__all__ = (
    "RunningCode",
    "Spot",
    "generator_frame",
    "read_locals",
)

_GENERATOR = CO_ASYNC_GENERATOR | CO_COROUTINE | CO_GENERATOR

#: Packages whose frames carry a test and are not part of it; their own tests are.
_MACHINERY = {"_pytest", "asyncio", "contextlib", "pluggy", "twisted", "txresource", "unittest"}


def read_locals(frame: FrameType) -> dict[str, Any]:
    """
    Read the local variables of a frame, without a trace.

    Before 3.13 a frame keeps the dict that it once gave out, and with it the values: that dict is
    emptied again, unless the program itself has asked for it.
    """
    given = frame.f_locals
    values = dict(given)
    # Three: the frame, this function, the argument of getrefcount.
    if (
        sys.version_info < (3, 13)
        and frame.f_code.co_flags & CO_OPTIMIZED
        and sys.getrefcount(given) <= 3
    ):
        given.clear()
    return values


def generator_frame(thing: Any) -> FrameType | None:
    """The frame of a generator or coroutine; ``None`` for what is neither, or has ended."""
    kind = type(thing)
    if kind is GeneratorType:
        return thing.gi_frame
    if kind is CoroutineType:
        return thing.cr_frame
    return thing.ag_frame if kind is AsyncGeneratorType else None


class Spot:
    """
    A local variable of running code that holds something.

    :ivar name: the variable.
    :ivar function: whose it is.
    :ivar role: ``test``, ``machinery`` or ``thread``.
    """

    __slots__ = ("function", "name", "role")

    def __init__(self, name: str, function: str, role: str) -> None:
        self.name = name
        self.function = function
        self.role = role


class RunningCode:
    """
    The stack of the running test, and of the other threads; keeps ids and names, no values.

    :param frame: the caller of the assertion.
    :param test: the running test case.
    """

    def __init__(self, frame: FrameType | None, test: object) -> None:
        self._test = test
        #: The ids of frames on the stack.
        self.frames: set[int] = set()
        #: The ids of Deferreds that are handing over their result in this turn.
        self.delivering: set[int] = set()
        #: Who holds what, by the id of the value.
        self.spots: dict[int, list[Spot]] = {}
        while frame is not None:
            self._read(frame, _role_of(frame))
            frame = frame.f_back
        others = sys._current_frames()
        # A frame that its own variables refer to would outlive its call, and hold what they hold.
        del others[get_ident()]
        for other in others.values():
            self._read_thread(other)

    def _read_thread(self, frame: FrameType | None) -> None:
        while frame is not None:
            self._read(frame, "thread")
            frame = frame.f_back

    def _read(self, frame: FrameType, role: str) -> None:
        self.frames.add(id(frame))
        # The namespace of a module is no local variable: what it holds stays.
        if frame.f_code.co_flags & CO_OPTIMIZED:
            in_delivery = frame.f_globals.get("__name__") == "twisted.internet.defer"
            for name, value in read_locals(frame).items():
                spot = Spot(name, frame.f_code.co_name, role)
                self.spots.setdefault(id(value), []).append(spot)
                if in_delivery and issubclass(type(value), Deferred):
                    self.delivering.add(id(value))

    def role_of(self, generator: Any) -> str | None:
        """
        Say whose a generator, or the frame of one, is.

        :returns: ``running``: it is on the stack; ``test``: it is suspended, and a method of the
            running test; ``None``: anybody's.
        """
        frame = generator if type(generator) is FrameType else generator_frame(generator)
        if frame is None or not frame.f_code.co_flags & _GENERATOR:
            return None
        if id(frame) in self.frames:
            return "running"
        code = frame.f_code
        if code.co_argcount and read_locals(frame).get(code.co_varnames[0]) is self._test:
            return "test"
        return None


def _role_of(frame: FrameType) -> str:
    package, *rest = str(frame.f_globals.get("__name__", "")).split(".")
    is_test = package not in _MACHINERY or "test" in rest
    return "test" if is_test else "machinery"
