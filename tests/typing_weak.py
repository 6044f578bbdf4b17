"""What a type checker makes of weak.py and failures.py: checked by mypy, never run."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import Clock, LoopingCall
from twisted.python.failure import Failure

from txresource.failures import scrub
from txresource.weak import WeakLoopingCall, weakly, when_collected

if TYPE_CHECKING:
    from typing_extensions import assert_type


class Owner:
    def length(self, text: str) -> int:
        return len(text)

    def repeat(self, text: str, times: int, *, end: str = "") -> bytes:
        return (text * times + end).encode()

    def later(self, text: str) -> Deferred[bytes]:
        raise NotImplementedError

    async def soon(self, text: str) -> bytes:
        raise NotImplementedError

    @inlineCallbacks
    def steps(self, text: str) -> Any:
        yield None

    def stop(self) -> float:
        return 0.5

    def cancel(self, d: Deferred[Any]) -> None: ...

    def cancel_text(self, d: Deferred[str]) -> None: ...

    def failed(self, failure: Failure) -> None: ...

    def tick(self, count: int) -> None: ...


def instead(argument: str) -> list[str]:
    return [argument]


def nothing(argument: None) -> str:
    return "nothing"


def check_results(o: Owner) -> None:
    # The argument that passes when the owner is gone is part of the result.
    assert_type(weakly(o.length)("x"), int | str)
    assert_type(weakly(o.repeat)("x", 2, end="."), bytes | str)
    assert_type(weakly(o.soon)("x"), Coroutine[Any, Any, bytes] | str)
    assert_type(weakly(o.later)("x"), Deferred[bytes] | str)
    assert_type(weakly(o.stop)(), float | None)
    assert_type(weakly(o.failed), Callable[[Failure], Failure | None])
    # With if_collected, its result takes the argument's place.
    assert_type(weakly(o.length, if_collected=instead)("x"), int | list[str])
    assert_type(weakly(o.stop, if_collected=nothing)(), float | str)
    weakly(o.length, if_collected=nothing)  # type: ignore[arg-type]
    # Arguments stay checked.
    weakly(o.length)(1)  # type: ignore[arg-type]
    weakly(o.repeat)("x")  # type: ignore[call-arg]
    weakly(5)  # type: ignore[call-overload]


def check_positions(o: Owner, d: Deferred[str], e: Deferred[str], clock: Clock) -> None:
    Deferred[str](weakly(o.cancel))
    assert_type(weakly(o.cancel_text), Callable[[Deferred[str]], None])
    # Left to itself, addCallback makes object of any callback's union; told, it agrees.
    number: Deferred[int | str] = d.addCallback(weakly(o.length))
    text: Deferred[bytes | str] = d.addCallback(weakly(o.repeat), 2, end=".")
    assert number and text
    e.addErrback(weakly(o.failed))
    e.addBoth(scrub)
    e.addErrback(scrub)
    clock.callLater(1, weakly(o.stop))
    clock.callLater(1, weakly(o.repeat), "x", 2)


def check_rest(o: Owner, clock: Clock, failure: Failure) -> None:
    assert_type(when_collected(clock, o), Deferred[None])
    assert_type(scrub(failure), Failure)
    assert_type(WeakLoopingCall(o.stop).start(1), Deferred[LoopingCall])
    assert_type(WeakLoopingCall.withCount(o.tick), WeakLoopingCall)
    WeakLoopingCall.withCount(o.length)  # type: ignore[arg-type]
