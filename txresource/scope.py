"""Scopes: the handles by which a program owns what it opens."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import LoopingCall

from txresource.arguments import check_call, check_function, check_kind, check_seconds
from txresource.closing import Closing, close_node
from txresource.errors import ResourceClosed, ResourceError
from txresource.owning import attach, dropped, own, refuse
from txresource.places import (
    SelfClose,
    check_thread,
    hand_over,
    in_reactor_thread,
    is_inside,
    run_inside,
)
from txresource.root import ScopeNode, check_grace, check_linger, root_node
from txresource.scopeservice import ScopeService
from txresource.sites import Site, caller_site, describe_site
from txresource.tasks import DeferredCloser, DeferredNode, TaskNode, begin
from txresource.tree import OPEN, Node, NodeView, ScopeStatistics
from txresource.treetext import in_flight

__all__ = (
    "Scope",
    "root_scope",
)


_TASK = DeferredCloser()
_NAME = 'write Scope(reactor, "name") or scope.child("name")'
_CLOSE_LATER = ": as a callback write lambda _: scope.close()"


class Scope:
    """
    A node of the ownership tree: what it owns is closed when it is.

    Belongs to the reactor's thread: from another one only :meth:`close` and :meth:`abort` may be
    called, all else raises :class:`~txresource.errors.WrongThread`. Belongs to the process in
    which it was used first: in one that was forked off, :meth:`close` lets go of what is owned
    and touches nothing, and owning raises :class:`~txresource.errors.WrongProcess`.

    :param reactor: the reactor, or a clock.
    :param name: how logs and reports call it.
    :param parent: ``None``: a child of the reactor's root.
    :param grace: seconds that closing gives to work in flight; never more than the parent has
        left. ``None``: all that the parent has left.
    :param linger: seconds of the grace in which a close that begins here still takes in work,
        after ``closing()`` has fired and before the ports stop.
    :raises ResourceClosed: the parent is closing or closed, or the reactor is stopping.
    :raises TypeError: an argument is of the wrong kind; the message says what to write.
    :raises ValueError: ``grace`` is below zero or endless, the linger not less than it, or
        the parent is another reactor's.
    """

    __slots__ = ("__weakref__", "_entered", "_lost", "_node")

    def __init__(
        self,
        reactor: Any,
        name: str,
        *,
        parent: Scope | None = None,
        grace: float | None = 5.0,
        linger: float = 0.0,
    ) -> None:
        check_thread()
        above = _above(reactor, parent)
        check_kind("the name of a scope is a str", name, str, _NAME)
        node = ScopeNode(above, name, grace, caller_site(), linger)
        above.adopt(node)
        self._node: Node = node
        self._entered = False
        self._lost: Any = weakref.finalize(self, dropped, node)
        self._lost.atexit = False

    @classmethod
    def _of(cls, node: Node) -> Scope:
        """A handle on a node that somebody else keeps: losing it closes nothing."""
        scope = cls.__new__(cls)
        scope._node = node
        scope._entered = False
        scope._lost = None
        return scope

    def __repr__(self) -> str:
        by = (self.closed_by or "").partition(": ")[0]
        return f"<Scope {self._node.label()} {self.state}{by and ', closed by ' + by}>"

    @property
    def state(self) -> str:
        """``open``, ``draining``, ``closing``, ``aborting`` or ``closed``."""
        return self._node.state

    @property
    def in_flight(self) -> int:
        """
        How many things in it and below have work under way that a close would wait for.

        Asks every connection's protocol, so it takes time in proportion to what is open.
        """
        return in_flight(self._node)

    @property
    def closed_by(self) -> str | None:
        """The line that called for the close, or words; ``None`` while it is open."""
        node = self._node
        run = node.run or (node.parent and node.parent.run)
        if node.state is OPEN and not node.lingers():
            return None
        return describe_site(run.by) if run else None

    @property
    def grace(self) -> float | None:
        """Seconds that closing gives to work in flight; ``None``: all that the parent has left."""
        return self._node.grace

    @grace.setter
    def grace(self, seconds: float | None) -> None:
        node: Any = self._node  # only some kinds of node can have one of their own
        node.grace = check_grace(seconds)

    @property
    def linger(self) -> float:
        """Seconds of the grace in which a close that begins here still takes in work."""
        return self._node.linger

    @linger.setter
    def linger(self, seconds: float) -> None:
        check_linger(seconds, self._node.grace)
        node: Any = self._node
        node.linger = seconds

    def statistics(self) -> ScopeStatistics:
        """What the scope holds at this moment."""
        check_thread()
        node = self._node
        return ScopeStatistics(
            state=node.state,
            owned=Counter(child.closer.kind for child in node.children or ()),
            age=node.reactor.seconds() - node.born,
            in_flight=in_flight(node),
            closed_by=self.closed_by,
        )

    def tree(self) -> NodeView:
        """A frozen picture of all that is open from here on, and of who opened it."""
        check_thread()
        return self._node.view()

    # -- owning

    def own(
        self, thing: Any, *, name: str | None = None, close: Callable[[], Any] | None = None
    ) -> Any:
        """
        Take a thing: it is closed when this scope is, and leaves the tree when it ends by itself.
        One that another scope owns moves here.

        :param name: how logs and reports call it; ``None``: the name of its type.
        :param close: called without arguments to close it; may return a Deferred or a coroutine.
            ``None``: by the closer that was registered for its class or interface.
        :returns: what to use from now on, mostly the thing itself.
        :raises ResourceClosed: this scope is closing or closed; the thing has been closed at once.
        :raises ResourceError: another reactor's tree owns the thing, or the thing owns this scope.
        :raises TypeError: nobody said how such a thing is closed, or ``close`` is not a callable.
        """
        check_thread()
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
            closes, the task has the grace to finish, then it is cancelled; the Deferred fails
            with :class:`~txresource.errors.ResourceInterrupted` where the task ends by that, or
            swallows it and is abandoned. A failure that nobody takes is logged once, with name
            and line, and ends nothing else.
        :raises ResourceClosed: this scope is closing or closed; a coroutine was closed unstarted,
            a Deferred cancelled.
        :raises TypeError: ``work`` is none of these, or returned a generator, which nobody runs.
        """
        check_thread()
        try:
            self._node.check_open()
        except ResourceClosed:
            refuse(work)
            raise
        label = name or getattr(work, "__qualname__", None) or type(work).__qualname__
        make = DeferredNode if isinstance(work, Deferred) else TaskNode
        node = make(self._node, _TASK, None, label, caller_site())
        node.thing = run_inside(node, begin, work, args, kwargs)
        return attach(self._node, node, name)

    def call_later(
        self, delay: float, function: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        """
        Call a function after a time, unless the scope closes before.

        :param delay: seconds.
        :returns: the ``IDelayedCall``.
        :raises ResourceClosed: this scope is closing or closed.
        """
        check_thread()
        self._node.check_open()
        check_call(delay, function, "write call_later(delay, function, argument)")
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
        check_thread()
        self._node.check_open()
        check_call(interval, function, "write looping_call(function, interval, argument)")
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

        All such Deferreds of a tree fire before anything in it stops to take in new work.
        """
        check_thread()
        if self._node.foreign():
            self._node.check_open()
        return self._node.closing()

    def close(self, grace: float | None = None) -> Deferred[None]:
        """
        Close all that this scope owns, newest first, then the scope. May be called in any thread.

        :param grace: seconds for work in flight; ``None``: the scope's own. It can only shorten
            what an earlier call gave.
        :returns: a Deferred that fires with ``None`` in the reactor's thread when all is released,
            at most grace + 1.5 seconds from now, whatever anybody does. The first caller's fails
            where a step failed, with that step's error, or with a
            :class:`~txresource.errors.ResourceError` that names several. Called by a task of this
            scope or of one below, it fails at once with
            :class:`~txresource.errors.CloseFromInside`, for the close waits for that task; the
            close has begun. Cancelling it withdraws one waiter; cancelling the last one aborts.
        """
        check_seconds("grace", grace, "the scope's own", _CLOSE_LATER)
        site = caller_site()
        if not in_reactor_thread():
            return hand_over(self._node.reactor, lambda: self._begin_close(grace, site).waiter())
        inside = is_inside(self._node)
        run = self._begin_close(grace, site)
        return SelfClose(self._node) if inside else run.waiter()

    def abort(self) -> None:
        """
        Let go of everything at once, whatever is lost; harmless in every state.

        In another thread than the reactor's, as soon as the reactor gets to it.
        """
        site = caller_site()
        if in_reactor_thread():
            self._begin_close(0.0, site, abort=True)
        else:
            hand_over(
                self._node.reactor, lambda: self._begin_close(0.0, site, abort=True).waiter()
            ).addErrback(lambda _: None)

    def _begin_close(self, grace: float | None, by: Site | None, abort: bool = False) -> Closing:
        if self._lost is not None:
            self._lost.detach()
        return close_node(self._node, grace, abort=abort, by=by)

    def as_service(self) -> IService:
        """
        Make a service whose ``stopService`` closes this scope and waits for it.

        ``startService`` opens nothing. The service holds the scope.
        """
        return ScopeService(self)

    async def __aenter__(self) -> Scope:
        check_thread()
        self._node.check_open()
        if self._entered:
            raise ResourceError(f"{self._node.label()} has been entered already")
        self._entered = True
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

    def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """
        Call a function, and close this scope when it is done; after ``DeferredLock.run``.

        :returns: a Deferred of what the function returned or failed with, fired after the close.
            It fails with the error of the close where only that failed. Cancelling it cancels
            what the function returned.
        """
        check_thread()
        check_function("run takes a callable", function, "write scope.run(function, argument)")
        running: Deferred[Any] = self._run(function, args, kwargs)
        return running

    @inlineCallbacks
    def _run(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
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


def _above(reactor: Any, parent: Any) -> Node:
    """The node that a new scope goes below."""
    if parent is None:
        return root_node(reactor)
    check_kind("parent is a Scope", parent, Scope, 'write Scope(reactor, "name", parent=scope)')
    node: Node = parent._node
    if node.reactor is not reactor:
        raise ValueError("the parent belongs to another reactor: write parent.child(name)")
    return node


def root_scope(reactor: Any) -> Scope:
    """
    The one scope of a reactor, closed before the reactor shuts down.

    A clock without system events gets a root that nobody closes but you.
    """
    return Scope._of(root_node(reactor))
