"""Where a call comes from: a task of the scope, another thread, a process that was forked off."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, copy_context
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from os.path import basename
from sys import _getframe
from threading import get_ident
from typing import Any
from weakref import ReferenceType, ref

from twisted.internet.defer import Deferred
from twisted.python import threadable
from twisted.python.failure import Failure

from txresource.errors import CloseFromInside, WrongThread
from txresource.tree import CLOSED, Node, alive

__all__ = (
    "SelfClose",
    "check_thread",
    "hand_over",
    "in_reactor_thread",
    "is_inside",
    "run_inside",
)

#: The task whose code runs; weak, for contexts are copied to wherever the task leads.
_task: ContextVar[ReferenceType[Node] | None] = ContextVar("txresource task", default=None)

#: Functions of Twisted and asyncio that call callbacks.
_CALLERS = frozenset(
    (("_runCallbacks", "defer.py"), ("runUntilCurrent", "base.py"), ("_run", "events.py"))
)
_STEPS = CO_COROUTINE | CO_GENERATOR | CO_ASYNC_GENERATOR


def run_inside(node: Node, function: Callable[..., Any], *args: Any) -> Any:
    """Call a function, and all the coroutines and generators it leads to, as a node's task."""
    return copy_context().run(_enter, node, function, args)


def _enter(node: Node, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    _task.set(ref(node))
    return function(*args)


def is_inside(node: Node) -> bool:
    """
    Say whether the code that runs belongs to a task that the close of this node waits for.

    Seen through ``await``, ``inlineCallbacks`` and child scopes. Not seen in a callback: its
    context is that of whoever fires it, and an asyncio loop hands contexts on to what has
    nothing to do with the task.
    """
    mark = _task.get()
    task = None if mark is None else mark()
    if task is None or task.state is CLOSED:
        return False
    above = task.parent
    while above is not None and above is not node:
        above = above.parent
    return above is node and (task.thing is None or _in_a_step())


def _in_a_step() -> bool:
    # Looked for up to the nearest place from which callbacks are called: beyond it stands whoever
    # fired the Deferred or runs the loop, a coroutine of somebody else's perhaps.
    frame: Any = _getframe(2)
    while frame is not None:
        code = frame.f_code
        if code.co_flags & _STEPS:
            return True
        if (code.co_name, basename(code.co_filename)) in _CALLERS:
            return False
        frame = frame.f_back
    return False


class SelfClose(Deferred[None]):
    """What a task gets that closes its own scope: failed already, and quiet if nobody waits."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.errback(
            Failure(
                CloseFromInside(
                    f"a task of {node.label()} closes it: the close has begun, and waits for"
                    " the task, so the task cannot wait for the close"
                )
            )
        )

    def __del__(self) -> None:
        if isinstance(getattr(self, "result", None), Failure):
            self.addErrback(lambda _: None)


def in_reactor_thread() -> bool:
    """Say whether this is the thread of the reactor; true where none has run yet."""
    thread = threadable.ioThread
    return thread is None or thread == get_ident()


def check_thread() -> None:
    """
    Refuse what comes from another thread than the reactor's.

    :raises WrongThread: it does.
    """
    if not in_reactor_thread():
        raise WrongThread("only close() and abort() may be called outside of the reactor's thread")


def hand_over(reactor: Any, function: Callable[[], Deferred[None] | None]) -> Deferred[None]:
    """
    Have a function called in the reactor's thread; here and now where the reactor is dead.

    :returns: a Deferred that fires, in that thread, with what the function's does. Cancelling it
        cancels that one, in that thread.
    :raises WrongThread: nothing leads to the thread of such a reactor; a clock, say.
    """
    if not alive(reactor):
        return function() or _fired()
    call = getattr(reactor, "callFromThread", None)
    if call is None:
        raise WrongThread(f"nothing leads from here to the thread of {reactor!r}")
    inner: list[Deferred[None]] = []

    def cancel(_: Deferred[None]) -> None:
        call(withdraw)

    handed: Deferred[None] = Deferred(cancel)

    def withdraw() -> None:
        for waiter in inner:
            waiter.cancel()

    def there() -> None:
        inner.append(function() or _fired())
        inner[0].addBoth(lambda result: None if handed.called else handed.callback(result))

    call(there)
    return handed


def _fired() -> Deferred[None]:
    fired: Deferred[None] = Deferred()
    fired.callback(None)
    return fired
