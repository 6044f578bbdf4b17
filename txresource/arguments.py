"""Wrong arguments: each is answered with one sentence that says what to write instead."""

from __future__ import annotations

import math
from collections.abc import Callable
from inspect import isasyncgenfunction, isgeneratorfunction
from types import AsyncGeneratorType, FunctionType, GeneratorType
from typing import Any

__all__ = (
    "check_base",
    "check_call",
    "check_callable",
    "check_function",
    "check_kind",
    "check_reactor",
    "check_result",
    "check_seconds",
    "given",
)

_INFINITE = math.inf
_GENERATORS = (GeneratorType, AsyncGeneratorType)


def given(thing: object) -> str:
    """Name what was given; no code of the thing itself runs, and no value but a number is shown."""
    kind = type(thing)
    if thing is None or kind in (bool, int, float):
        return repr(thing)
    if issubclass(kind, type):
        return f"the class {type.__dict__['__qualname__'].__get__(thing)}"
    if kind is FunctionType:
        name: str = thing.__qualname__  # type: ignore[attr-defined]
        return "a lambda" if name.endswith("<lambda>") else f"the function {name}"
    return f"an object of type {type.__dict__['__qualname__'].__get__(kind)}"


def check_reactor(reactor: Any, write: str) -> None:
    """
    Refuse what is neither a reactor nor a clock.

    :param write: the call as it should be.
    :raises TypeError: it is neither.
    """
    known = hasattr(reactor, "callLater") or hasattr(reactor, "callFromThread")
    if isinstance(reactor, type) or not known:
        raise TypeError(f"the reactor, or a clock, comes first, not {given(reactor)}: {write}")


def check_kind(what: str, thing: Any, kind: type, write: str) -> None:
    """
    Refuse what is not of a kind.

    :param what: the argument, and what it should be.
    :param write: the call as it should be.
    :raises TypeError: it is not.
    """
    if not isinstance(thing, kind):
        raise TypeError(f"{what}, not {given(thing)}: {write}")


def check_callable(what: str, thing: Any, write: str) -> None:
    """
    Refuse what cannot be called.

    :param what: the argument, and what it should be.
    :param write: the call as it should be.
    :raises TypeError: it cannot.
    """
    if not callable(thing):
        raise TypeError(f"{what}, not {given(thing)}: {write}")


def check_seconds(what: str, seconds: Any, or_none: str = "", write: str = "") -> None:
    """
    Refuse what is not a time that can be waited for.

    :param what: the name of the argument.
    :param or_none: what ``None`` means; empty: ``None`` is refused, too.
    :param write: the call as it should be.
    :raises TypeError: it is not a number.
    :raises ValueError: it is below zero, endless or not a number.
    """
    if seconds is None and or_none:
        return
    none = f", or None ({or_none})" if or_none else ""
    said = f"{what} is a number of seconds, 0 or more{none}, not {given(seconds)}{write}"
    try:
        fits = not isinstance(seconds, bool) and 0 <= seconds < _INFINITE
    except TypeError:
        raise TypeError(said) from None
    if not fits:
        raise ValueError(said)


def check_call(seconds: Any, function: Any, write: str) -> None:
    """
    Refuse what cannot be called after a time; on the path of every delayed call, so in few steps.

    :param write: the call as it should be.
    :raises TypeError: the function cannot be called, or the time is not a number.
    :raises ValueError: the time is below zero, endless or not a number.
    """
    try:
        if callable(function) and 0 <= seconds < _INFINITE:
            return
    except TypeError:
        pass
    check_callable("the function is a callable", function, write)
    check_seconds("the time", seconds, write=f": {write}")


def check_result(function: Callable[..., Any], result: object) -> None:
    """
    Refuse a generator that a task returned: nobody would ever run it.

    :raises TypeError: it is one.
    """
    if isinstance(result, _GENERATORS):
        raise _unrun(function, isinstance(result, AsyncGeneratorType))


def check_function(what: str, function: Any, write: str) -> None:
    """
    Refuse what cannot be called, or would return a generator that nobody runs.

    :param what: the argument, and what it should be.
    :param write: the call as it should be.
    :raises TypeError: it is such a thing.
    """
    check_callable(what, function, write)
    if isgeneratorfunction(function) or isasyncgenfunction(function):
        raise _unrun(function, isasyncgenfunction(function))


def _unrun(function: Any, asynchronous: bool) -> TypeError:
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    if asynchronous:
        remedy = "go through it with 'async for' in an async def, and pass that"
    else:
        remedy = "decorate it with @inlineCallbacks, or write async def and await"
    return TypeError(f"{name} returns a generator, which nobody runs: {remedy}")


def check_base(thing: Any, method: str, mixin: str, base: str) -> None:
    """
    Refuse an object whose class has a mixin and not what that is to be mixed into.

    :param method: a method that the base has.
    :raises TypeError: the base is missing.
    """
    if not any(method in vars(cls) for cls in type(thing).__mro__ if cls.__name__ != mixin):
        name = type(thing).__qualname__
        raise TypeError(f"{name} is no {base}: write class {name}({mixin}, {base})")
