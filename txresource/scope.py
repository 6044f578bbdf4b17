"""Scopes: the handles by which a program owns what it opens."""

from __future__ import annotations

import warnings
import weakref
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import LoopingCall

from txresource.closing import Closing, close_node
from txresource.errors import ResourceClosed
from txresource.registry import CallableCloser, find_closer
from txresource.root import ScopeCloser, root_node
from txresource.sites import caller_site, describe_site
from txresource.tasks import DeferredCloser, begin
from txresource.tree import OPEN, Node, NodeView, alive

__all__ = (
    "Scope",
    "ScopeNode",
    "ScopeStatistics",
    "own",
    "root_scope",
)


_SCOPE = ScopeCloser()
_TASK = DeferredCloser()


class ScopeNode(Node):
    """The node behind a scope that somebody made; it lives in the tree, the handle does not."""

    __slots__ = ("grace",)


@dataclass(frozen=True, slots=True)
class ScopeStatistics:
    """
    What a scope holds at this moment.

    :ivar state: ``open``, ``draining``, ``closing``, ``aborting`` or ``closed``.
    :ivar owned: how many things of each kind it owns itself, not counting what those own.
    :ivar age: seconds since it was made.
    """

    state: str
    owned: Mapping[str, int]
    age: float


class Scope:
    """
    A node of the ownership tree: what it owns is closed when it is.

    :param reactor: the reactor, or a clock.
    :param name: how logs and reports call it.
    :param parent: ``None``: a child of the reactor's root.
    :param grace: seconds that closing gives to work in flight; never more than the parent has
        left. ``None``: all that the parent has left.
    :raises ResourceClosed: the parent is closing or closed, or the reactor is stopping.
    """

    __slots__ = ("__weakref__", "_lost", "_node")

    def __init__(
        self,
        reactor: Any,
        name: str,
        *,
        parent: Scope | None = None,
        grace: float | None = 5.0,
    ) -> None:
        above = root_node(reactor) if parent is None else parent._node
        node = ScopeNode(above, _SCOPE, None, name, caller_site())
        node.grace = grace
        above.adopt(node)
        self._node: Node = node
        self._lost: Any = weakref.finalize(self, _dropped, node)
        self._lost.atexit = False

    @classmethod
    def _of(cls, node: Node) -> Scope:
        """A handle on a node that somebody else keeps: losing it closes nothing."""
        scope = cls.__new__(cls)
        scope._node = node
        scope._lost = None
        return scope

    def __repr__(self) -> str:
        return f"<Scope {self._node.label()} {self.state}>"

    @property
    def state(self) -> str:
        """``open``, ``draining``, ``closing``, ``aborting`` or ``closed``."""
        return self._node.state

    @property
    def grace(self) -> float | None:
        """Seconds that closing gives to work in flight; ``None``: all that the parent has left."""
        return self._node.grace

    @grace.setter
    def grace(self, seconds: float | None) -> None:
        node: Any = self._node  # only some kinds of node can have one of their own
        node.grace = seconds

    def statistics(self) -> ScopeStatistics:
        """What the scope holds at this moment."""
        node = self._node
        return ScopeStatistics(
            state=node.state,
            owned=Counter(child.closer.kind for child in node.children or ()),
            age=node.reactor.seconds() - node.born,
        )

    def tree(self) -> NodeView:
        """A frozen picture of all that is open from here on, and of who opened it."""
        return self._node.view()

    # -- owning

    def own(
        self, thing: Any, *, name: str | None = None, close: Callable[[], Any] | None = None
    ) -> Any:
        """
        Take a thing: it is closed when this scope is, and leaves the tree when it ends by itself.

        :param name: how logs and reports call it; ``None``: the name of its type.
        :param close: called without arguments to close it; may return a Deferred or a coroutine.
            ``None``: by the closer that was registered for its class or interface.
        :returns: what to use from now on, mostly the thing itself.
        :raises ResourceClosed: this scope is closing or closed; the thing has been closed at once.
        :raises TypeError: nobody said how such a thing is closed.
        """
        return own(self._node, thing, name, close)

    def child(self, name: str, *, grace: float | None = 5.0) -> Scope:
        """
        Make a scope below this one.

        :param grace: as for :class:`Scope`.
        :raises ResourceClosed: this scope is closing or closed.
        """
        return Scope(self._node.reactor, name, parent=self, grace=grace)

    def start(self, work: Any, *args: Any, name: str | None = None, **kwargs: Any) -> Deferred[Any]:
        """
        Start a task that belongs to this scope.

        :param work: a coroutine, a Deferred, or a callable that is called with the rest of the
            arguments and returns either or a plain value.
        :param name: how logs call it; ``None``: the name of what was passed.
        :returns: a Deferred of the task's result; cancelling it cancels the task. When the scope
            closes, the task has the grace to finish, then it is cancelled. A failure that nobody
            takes is logged once, with name and line, and ends nothing else.
        :raises ResourceClosed: this scope is closing or closed; a coroutine was closed unstarted,
            a Deferred cancelled.
        """
        try:
            self._node.check_open()
        except ResourceClosed:
            _refuse(work)
            raise
        label = name or getattr(work, "__qualname__", None) or type(work).__qualname__
        node = Node(self._node, _TASK, begin(work, args, kwargs), label, caller_site())
        return _attach(self._node, node)

    def call_later(
        self, delay: float, function: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        """
        Call a function after a time, unless the scope closes before.

        :param delay: seconds.
        :returns: the ``IDelayedCall``.
        :raises ResourceClosed: this scope is closing or closed.
        """
        self._node.check_open()
        name = getattr(function, "__qualname__", None) or type(function).__qualname__
        return own(
            self._node, self._node.reactor.callLater(delay, function, *args, **kwargs), name, None
        )

    def looping_call(
        self, function: Callable[..., Any], interval: float, *args: Any, **kwargs: Any
    ) -> LoopingCall:
        """
        Call a function again and again until the scope closes; the first time at once.

        A call that fails ends the loop and is logged.

        :param interval: seconds.
        :returns: the running ``LoopingCall``.
        :raises ResourceClosed: this scope is closing or closed.
        """
        self._node.check_open()
        loop = LoopingCall(function, *args, **kwargs)
        loop.clock = self._node.reactor
        name = getattr(function, "__qualname__", None) or type(function).__qualname__
        running = loop.start(interval)
        if not loop.running:
            self.start(running, name=name)
            return loop
        own(self._node, loop, name, None)
        return loop

    # -- closing

    def closing(self) -> Deferred[None]:
        """
        Wait for the begin of the end.

        :returns: a Deferred that fires with ``None`` when closing begins; at once when it has
            begun. Cancelling it withdraws the wish.
        """
        node = self._node
        if node.state is not OPEN:
            begun: Deferred[None] = Deferred()
            begun.callback(None)
            return begun
        listeners = node.listeners
        if not isinstance(listeners, list):
            listeners = node.listeners = []
        listener: Deferred[None] = Deferred(listeners.remove)
        listeners.append(listener)
        return listener

    def close(self, grace: float | None = None) -> Deferred[None]:
        """
        Close all that this scope owns, newest first, then the scope.

        :param grace: seconds for work in flight; ``None``: the scope's own. It can only shorten
            what an earlier call gave.
        :returns: a Deferred that fires with ``None`` when all is released, at most grace + 1.5
            seconds from now, whatever anybody does. The first caller's fails where a step failed,
            with that step's error, or with a :class:`~txresource.errors.ResourceError` that names
            several. Cancelling it withdraws one waiter; cancelling the last one aborts.
        """
        return self._begin_close(grace).waiter()

    def abort(self) -> None:
        """Let go of everything at once, whatever is lost; harmless in every state."""
        self._begin_close(0.0, abort=True)

    def _begin_close(self, grace: float | None, abort: bool = False) -> Closing:
        if self._lost is not None:
            self._lost.detach()
        return close_node(self._node, grace, abort=abort)

    async def __aenter__(self) -> Scope:
        self._node.check_open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is GeneratorExit:
            # The coroutine is being collected: nothing can be awaited any more.
            self.abort()
            return
        try:
            await self.close()
        except Exception:
            # The close has logged its error; the error of the body is the one to hear about.
            if error is None:
                raise

    @inlineCallbacks
    def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """
        Call a function, and close this scope when it is done; after ``DeferredLock.run``.

        :returns: a Deferred of what the function returned or failed with, fired after the close.
            It fails with the error of the close where only that failed. Cancelling it cancels
            what the function returned.
        """
        try:
            result = yield begin(function, args, kwargs)
        except GeneratorExit:  # nobody waits any more, and nothing can be waited for
            self.abort()
            raise
        except BaseException:
            yield self.close().addErrback(lambda _: None)
            raise
        yield self.close()
        return result


def root_scope(reactor: Any) -> Scope:
    """
    The one scope of a reactor, closed before the reactor shuts down.

    A clock without system events gets a root that nobody closes but you.
    """
    return Scope._of(root_node(reactor))


def own(
    parent: Node, thing: Any, name: str | None, close: Callable[[], Any] | None, closer: Any = None
) -> Any:
    """
    Hang a thing under a node; what :meth:`Scope.own` does.

    :param closer: goes before what is registered; ``None``: look it up.
    :returns: what to use from now on.
    """
    closer = closer or (find_closer(thing) if close is None else CallableCloser(close))
    return _attach(parent, closer.node(parent, thing, name, caller_site()))


def _attach(parent: Node, node: Node) -> Any:
    try:
        used = node.closer.attach(node)
        if node.state is OPEN:  # a thing that had ended before never enters the tree
            parent.adopt(node)
    except ResourceClosed:
        # It is outside of the tree, and of the parent's accounts: a close of its own, at once.
        node.run = Closing(node, 0.0, None)
        node.run.start()
        raise
    return used


def _refuse(work: Any) -> None:
    if isinstance(work, Deferred):
        work.addErrback(lambda _: None).cancel()
    elif hasattr(work, "send"):
        work.close()


def _dropped(node: Node) -> None:
    """The last handle went while the scope was open: warn, and close it where that can be done."""
    if node.state is not OPEN:
        return
    reactor = node.reactor
    call = getattr(reactor, "callFromThread", None) or (lambda f, *a: reactor.callLater(0, f, *a))
    try:
        if alive(reactor):
            call(close_node, node)
    except RuntimeError:
        pass  # an asyncio loop that is closed takes no more calls
    warnings.warn(
        f"scope {node.label()} was dropped without being closed"
        f" (made at {describe_site(node.site)})",
        ResourceWarning,
        stacklevel=2,
    )
