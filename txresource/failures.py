"""Failures that keep nothing alive but what went wrong, and where."""

from __future__ import annotations

import gc
from collections import deque
from types import FrameType, TracebackType
from typing import Any, Final, TypeVar

from twisted.python.failure import Failure

__all__ = ("scrub",)

_T = TypeVar("_T")

_FRAMES: Final = frozenset((FrameType, TracebackType))
_CONTAINERS: Final = (list, tuple, dict, set, frozenset, deque)
_MAY_NEST: Final = (BaseException, TracebackType, *_CONTAINERS)

# In these two, "self" is a failure whose exception went on into other code.
_THROWERS: Final = frozenset(
    (Failure.raiseException.__code__, Failure.throwExceptionIntoGenerator.__code__)
)

# Taken from the base class, so that no subclass has a say and none of its code runs.
_traceback: Final = vars(BaseException)["__traceback__"]
_arguments: Final = vars(BaseException)["args"]
_attributes: Final = vars(BaseException)["__dict__"]


def scrub(failure: _T) -> _T:
    """
    Drop every frame and traceback from a failure and from all that it nests.

    A traceback holds the frames it passed, and they hold their local variables,
    often the failure among them: such a ring waits for the garbage collector. As
    the last errback of a chain, this frees it at once.

    Nested are the causes and contexts of an exception, the members of a group, and
    failures and exceptions in its arguments and attributes, inside lists, tuples,
    dicts, sets and deques too. Type, value, and the file, line and function names of
    each frame stay, so that ``getTraceback()`` still tells where it happened; that
    text is made when it is asked for. The time is in proportion to what is nested.

    :param failure: a failure. Of the list that a ``DeferredList`` fires with, the
        failures in it are scrubbed. Anything else is left alone.
    :returns: what was given, the same object.
    """
    is_failure = issubclass(type(failure), Failure)
    pending: list[Any] = [failure] if is_failure else _failures_among(failure)
    seen: dict[int, object] = {}
    while pending:
        item = pending.pop()
        kind = type(item)
        if id(item) in seen:
            continue
        # Held until the end: an id is its object's for as long as that lives.
        seen[id(item)] = item
        # What the collector sees of an exception is all it holds, slots included.
        held = [item.tb_next, _thrown(item)] if kind is TracebackType else gc.get_referents(item)
        if issubclass(kind, Failure):
            held.append(getattr(item, "tb", None))
            seen.update((id(frames), frames) for frames in _bare_frames(item))
        if issubclass(kind, BaseException):
            _clear(item)
        pending += [thing for thing in held if issubclass(type(thing), _MAY_NEST)]
    return failure


def _failures_among(results: object) -> list[Any]:
    """Find the failures in what a DeferredList fires with, and in such lists inside it."""
    found: list[Any] = []
    pending = [results]
    seen: dict[int, object] = {}
    while pending:
        entries = pending.pop()
        if type(entries) is not list or id(entries) in seen:
            continue
        seen[id(entries)] = entries
        # Somebody's own list, and maybe a long one, is not ours to look through.
        if not all(
            type(entry) is tuple and len(entry) == 2 and type(entry[0]) is bool for entry in entries
        ):
            continue
        for succeeded, result in entries:
            if succeeded:
                pending.append(result)
            elif issubclass(type(result), Failure):
                found.append(result)
    return found


def _thrown(traceback: TracebackType) -> object:
    """
    Find the failure that came out of an inner coroutine and was thrown into this one.

    It has the traceback of the inner part. After a cancel it is in a ring with frames
    of Twisted that no longer belong to the outer failure.
    """
    frame = traceback.tb_frame
    return frame.f_locals.get("self") if frame.f_code in _THROWERS else None


def _bare_frames(failure: Failure) -> list[object]:
    """Reduce a failure's frames to names, files and lines; return the lists of them."""
    # First, lest Twisted copy the variables when it makes the list of frames.
    failure.captureVars = False
    frames = [(*frame[:3], (), ()) for frame in getattr(failure, "frames", ())]
    failure.frames = frames
    failure.tb = None
    # Twisted before 24.10 has the callers too, and prints the last four; in later
    # releases the attribute is a deprecated property, and not to be touched.
    stack = vars(failure).get("stack")
    if stack:
        stack = [(*frame[:3], (), ()) for frame in stack]
        vars(failure)["stack"] = stack
    return [frames, stack]


def _clear(error: BaseException) -> None:
    """Drop the traceback of one exception, and those in its arguments and attributes."""
    _traceback.__set__(error, None)
    _arguments.__set__(error, tuple(map(_without_frames, _arguments.__get__(error))))
    attributes = _attributes.__get__(error)
    for name, value in list(attributes.items()):
        cleared = _without_frames(value)
        if cleared is not value:
            attributes[name] = cleared


def _without_frames(value: Any) -> Any:
    """Put ``None`` for a frame or traceback, alone or in a tuple as ``sys.exc_info`` gives it."""
    if type(value) in _FRAMES:
        return None
    if type(value) is tuple and any(type(item) in _FRAMES for item in value):
        return tuple(None if type(item) in _FRAMES else item for item in value)
    return value
