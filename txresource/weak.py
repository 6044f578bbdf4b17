"""Callbacks that do not keep their owner alive, and an owner's end as a Deferred."""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, overload

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from txresource.arguments import check_reactor, given

__all__ = ("WeakLoopingCall", "weakly", "when_collected")

_T = TypeVar("_T")
_R = TypeVar("_R")
_S = TypeVar("_S")
_P = ParamSpec("_P")

_NOTHING: Final = object()
_ref = weakref.ref
_new = object.__new__
# The name as the interpreter has it: a metaclass may have a __getattribute__ of
# its own, and nobody else's code may run in a repr.
_type_name: Final = vars(type)["__qualname__"].__get__
# The bit of type.__flags__ that tells a class written in Python from a builtin.
_HEAP_TYPE: Final = 1 << 9


class _ModuleName(str):
    """A class's module name; read from an instance, that of its method."""

    __slots__ = ()

    def __get__(self, weak: _Weakly | None, owner: object = None) -> Any:
        return self if weak is None else weak._func.__module__


class _Weakly:
    """What :func:`weakly` returns and fills: made once a callback, so small and flat."""

    # Nothing is annotated here: __annotations__, too, are to be the method's.
    __module__ = _ModuleName(__name__)
    __slots__ = ("_func", "_if_collected", "_owner", "_type")

    def __call__(self, argument: Any = _NOTHING, /, *args: Any, **kwargs: Any) -> Any:
        owner = self._owner()
        if owner is None:
            argument = None if argument is _NOTHING else argument
            if self._if_collected is None:
                return argument
            return self._if_collected(argument)
        # Most callbacks take one argument, and passing just that is much cheaper.
        if args or kwargs or argument is _NOTHING:
            if argument is not _NOTHING:
                args = (argument, *args)
            return self._func(owner, *args, **kwargs)
        return self._func(owner, argument)

    def __eq__(self, other: object) -> bool:
        # By identity alone. One object has one plain weak reference, so the
        # references are the same exactly when the owners were.
        if type(other) is not _Weakly:
            return NotImplemented
        return (
            self._owner is other._owner
            and self._func is other._func
            and self._if_collected is other._if_collected
        )

    def __hash__(self) -> int:
        return hash((id(self._owner), id(self._func), id(self._if_collected)))

    def __repr__(self) -> str:
        method = getattr(self._func, "__name__", _type_name(type(self._func)))
        state = "alive" if self._owner() is not None else "collected"
        return f"<weakly {_type_name(self._type)}.{method}, owner {state}>"

    # A property, not the docstring: it is the method's that users ask for.
    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return self._func.__doc__

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(MethodType(self._func, self))

    def __getattr__(self, name: str) -> Any:
        # As with a bound method, whatever its function has can be read here.
        # Not the slots: while a copy is made they are empty.
        if name in _Weakly.__slots__:
            raise AttributeError(name)
        return getattr(self._func, name)


@overload
def weakly(method: Callable[[Deferred[_T]], None]) -> Callable[[Deferred[_T]], None]: ...
@overload
def weakly(
    method: Callable[Concatenate[_T, _P], _R], *, if_collected: Callable[[_T], _S]
) -> Callable[Concatenate[_T, _P], _R | _S]: ...
@overload
def weakly(
    method: Callable[Concatenate[_T, _P], _R], *, if_collected: None = None
) -> Callable[Concatenate[_T, _P], _R | _T]: ...
@overload
def weakly(
    method: Callable[[], _R], *, if_collected: Callable[[None], _S]
) -> Callable[[], _R | _S]: ...
@overload
def weakly(method: Callable[[], _R], *, if_collected: None = None) -> Callable[[], _R | None]: ...
def weakly(
    method: Callable[..., Any], *, if_collected: Callable[[Any], Any] | None = None
) -> Callable[..., Any]:
    """
    Wrap a bound method so that the callable does not keep the method's owner alive.

    It goes wherever a callable goes: callbacks, errbacks, cancellers, delayed
    calls, calls from threads, event triggers. While the owner lives it calls the
    method and returns what the method returns, and holds the owner only for that
    time. Two made of the same method, owner and ``if_collected`` are equal.

    :param method: a bound method, ``obj.method``.
    :param if_collected: called with the first positional argument (``None`` where
        there is none) when the owner is gone; ``None``: that argument is returned
        as it is, result and failure alike. It is held strongly, so it may not be a
        method of the same owner.
    :returns: the callable, with the name, documentation and signature of the method.
    :raises TypeError: ``method`` is not a bound method of an object that can be
        weakly referenced, or ``if_collected`` cannot be called or would keep the
        owner alive. The message says what to write instead.
    """
    if type(method) is not MethodType:
        raise TypeError(f"weakly needs a bound method, {_remedy(method)}")
    if if_collected is not None:
        _check_fallback(method.__self__, if_collected)
    # No __init__: the call of it would be a tenth of the whole.
    weak: Any = _new(_Weakly)
    owner = method.__self__
    try:
        weak._owner = _ref(owner)
    except TypeError:
        raise TypeError(
            f"weakly cannot hold the owner of the method: {_unreferable(owner)}"
        ) from None
    weak._type, weak._func, weak._if_collected = type(owner), method.__func__, if_collected
    return weak


def _check_fallback(owner: object, if_collected: Callable[[Any], object]) -> None:
    """Refuse what could never be called."""
    if not callable(if_collected):
        raise TypeError(f"if_collected takes a callable of one argument, not {given(if_collected)}")
    if type(if_collected) is MethodType and if_collected.__self__ is owner:
        raise TypeError(
            "if_collected is a method of the same owner and would keep it alive for ever: "
            "give a function that does not use the owner"
        )


def _remedy(thing: object) -> str:
    """Say what was given instead of a bound method, and what to write."""
    if type(thing) is _Weakly:
        return "and this is one made weak already: use it as it is"
    if type(thing) is FunctionType:
        if thing.__name__ == "<lambda>":
            return (
                "not a lambda, which has no owner and keeps alive all that it uses: "
                "write its body as a method, and pass weakly(obj.method)"
            )
        return (
            f"not the function {thing.__qualname__}, which has no owner: if it is meant to be "
            f"a method, pass weakly(obj.{thing.__name__}), else pass the function as it is"
        )
    if issubclass(type(thing), functools.partial):
        return (
            "not a functools.partial: write functools.partial(weakly(obj.method), ...), or give the "
            "arguments to what takes the callback, as in addCallback(weakly(obj.method), ...)"
        )
    if issubclass(type(thing), BuiltinFunctionType):
        return (
            f"not the builtin {thing.__name__}, whose owner cannot be held weakly: "  # type: ignore[attr-defined]
            "call it in a method of your own class, and pass weakly(obj.method)"
        )
    if issubclass(type(thing), type):
        return (
            f"not the class {_type_name(thing)}: make the object in a method, "
            "and pass weakly(obj.method)"
        )
    if callable(thing):
        return f"not {given(thing)}: pass the method that does its work, weakly(obj.__call__)"
    return f"not {given(thing)}: pass weakly(obj.method), without calling the method"


def _unreferable(thing: object) -> str:
    """Say why a thing has no weak references, and what to do about it."""
    name = _type_name(type(thing))
    if type(thing).__itemsize__:
        return (
            f"{name} is built on a type of variable size, which has no weak references: "
            "make it an attribute of an object of a plain class, and give that object"
        )
    if not type(thing).__flags__ & _HEAP_TYPE:
        return (
            f"objects of the builtin type {name} have no weak references: "
            "give an object of a class of your own that holds it"
        )
    return f"{name} has __slots__ without '__weakref__': add '__weakref__' to its __slots__"


class _Watch(weakref.ref[Any]):
    """A weak reference that knows whom to tell, and in which reactor."""

    __slots__ = ("deferred", "reactor")

    deferred: Deferred[None]
    reactor: IReactorTime


# Keyed by the watch's identity: a weak reference hashes as its object does,
# which is somebody else's code.
_watches: dict[int, _Watch] = {}


def when_collected(reactor: IReactorTime, obj: object) -> Deferred[None]:
    """
    Watch for the end of an object.

    Nobody needs to hold the Deferred. Its callbacks may not hold the object, else
    it never ends.

    :param reactor: the reactor in whose thread the Deferred fires, always in a turn
        of its own: never inside the garbage collector, nor in the thread in which
        that happened to run. A clock without ``callFromThread`` gets a delayed call
        of zero seconds instead.
    :param obj: what to watch.
    :returns: a Deferred that fires with ``None`` after the object is gone. It never
        fires once the reactor has stopped for good, and waits for the start of one
        that has not run yet. Cancelling it ends the watch, and fails it with
        :class:`~twisted.internet.defer.CancelledError` as any Deferred.
    :raises TypeError: the object cannot be weakly referenced, or is a bound method,
        which is gone at once, or ``reactor`` is no reactor. The message says what to give
        instead.
    """
    check_reactor(reactor, "write when_collected(reactor, obj)")
    if type(obj) is MethodType:
        raise TypeError(
            "when_collected was given a bound method, which is made anew whenever it is "
            "read: give the object that has the method"
        )
    try:
        watch = _Watch(obj, _collected)
    except TypeError:
        raise TypeError(f"when_collected cannot watch this: {_unreferable(obj)}") from None
    key = id(watch)
    watch.reactor = reactor
    watch.deferred = Deferred(lambda _: _forget(key))
    _watches[key] = watch
    return watch.deferred


def _forget(key: int) -> None:
    """End a watch; without its reference the interpreter tells nobody."""
    _watches.pop(key, None)


def _collected(watch: _Watch) -> None:
    """Pass the news on. Runs wherever the object ended, the collector included."""
    if _watches.pop(id(watch), None) is None:
        return  # cancelled in another thread while the object ended in this one
    reactor = watch.reactor
    call_from_thread = getattr(reactor, "callFromThread", None)
    if call_from_thread is None:
        reactor.callLater(0, _fire, watch.deferred)
    elif not _stopped_for_good(reactor):
        try:
            call_from_thread(_fire, watch.deferred)
        except RuntimeError:
            # An asyncio reactor whose loop is closed; nobody is left to be told.
            pass


def _stopped_for_good(reactor: object) -> bool:
    """Say whether what is queued now would stay in the queue as long as the process."""
    # There is no public way to tell a reactor that has stopped from one that has
    # not started. Where the attribute is missing we queue, which is harmless.
    return getattr(reactor, "_startedBefore", False) and not getattr(reactor, "running", True)


def _fire(deferred: Deferred[None]) -> None:
    # It may have been cancelled between the object's end and this turn.
    if not deferred.called:
        deferred.callback(None)


class WeakLoopingCall(LoopingCall):
    """
    A looping call that does not keep its owner alive, and stops when that is gone.

    It stops in the turn after the owner's end, not at its next tick, and the Deferred
    of ``start`` fires then as after ``stop``. When the owner is gone before ``start``,
    nothing is scheduled and that Deferred has fired already.

    :param method: a bound method, ``obj.method``.
    :param a: positional arguments for it.
    :param kw: keyword arguments for it.
    :raises TypeError: as :func:`weakly` does.
    """

    _watch: Deferred[None] | None = None
    _at_once = False
    _counted_at: float | None = None

    def __init__(self, method: Callable[..., object], *a: object, **kw: object) -> None:
        if type(method) is not MethodType:
            raise TypeError(
                f"WeakLoopingCall needs a bound method, not {given(method)}: write"
                " WeakLoopingCall(obj.method), or LoopingCall for what has no owner"
            )
        self._method: Any = weakly(method)
        super().__init__(self._method, *a, **kw)

    @classmethod
    def withCount(cls, countCallable: Callable[[int], object]) -> WeakLoopingCall:
        """
        Make a loop that tells the method how many ticks have passed since its last one.

        :param countCallable: a bound method that takes the number, usually 1 and never 0.
        :returns: the loop, not started.
        :raises TypeError: as :func:`weakly` does.
        """
        self = cls(countCallable)
        # Weak, lest the loop hold itself.
        self.f = weakly(self._call_with_count)
        return self

    def start(self, interval: float, now: bool = True) -> Deferred[LoopingCall]:
        """
        Call the method every ``interval`` seconds until told to stop or its owner is gone.

        :param interval: seconds between calls; 0: as often as the reactor turns.
        :param now: whether the first call happens at once.
        :returns: a Deferred that fires with this loop when it has stopped, or fails as
            the method did. A call that still waits for a Deferred is waited for.
            Cancelling it has no effect on the loop.
        """
        owner = self._method._owner()
        if owner is None:
            return succeed(self)
        self._at_once, self._counted_at = now, None
        ended = super().start(interval, now)
        if self.running:
            self._watch = when_collected(self.clock, owner).addCallbacks(
                weakly(self._owner_is_gone), _expect_cancel
            )
            ended.addBoth(weakly(self._end_watch))
        return ended

    def _owner_is_gone(self, _: None) -> None:
        if self.running:
            self.stop()

    def _end_watch(self, result: _T) -> _T:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
        return result

    def _call_with_count(self) -> object:
        now = self.clock.seconds()
        count = 1 if self.interval == 0 else self._ticks_until(now)
        if count <= 0:
            return None
        self._counted_at = now
        return self._method(count)

    def _ticks_until(self, now: float) -> int:
        """Count the ends of intervals between the last counted call and now."""
        assert self.starttime is not None and self.interval is not None
        last = self._counted_at
        if last is None:
            last = self.starttime - (self.interval if self._at_once else 0.0)
        return int((now - self.starttime) / self.interval) - int(
            (last - self.starttime) / self.interval
        )

    def __repr__(self) -> str:
        state = f"every {self.interval} s" if self.running else "not running"
        return f"<WeakLoopingCall of {self._method!r}, {state}>"


def _expect_cancel(failure: Failure) -> None:
    failure.trap(CancelledError)
