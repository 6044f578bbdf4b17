"""The closer of thread pools; how threads are waited for without blocking the reactor."""

from __future__ import annotations

import os
import sys
from functools import partial
from threading import Thread
from typing import Any
from weakref import WeakSet

from twisted.python.failure import Failure

from txresource.errors import ResourceClosed
from txresource.registry import BaseCloser, register_closer, unhook
from txresource.sites import Site
from txresource.tree import WATCHED, Node, alive
from txresource.waiting import POLL

__all__ = (
    "ReactorThreadsCloser",
    "ThreadPoolCloser",
    "ThreadsNode",
    "abandoned_threads",
    "dismiss",
    "working",
)

_TWISTED = os.sep + "twisted" + os.sep
#: Seconds for which threads without work are joined where no reactor can look at them again.
_JOIN = 0.1
_abandoned: WeakSet[Thread] = WeakSet()


def abandoned_threads() -> list[Thread]:
    """The threads that were given up, and still have not ended."""
    return [thread for thread in tuple(_abandoned) if thread.is_alive()]


class ThreadsNode(Node):
    """
    The node of what has threads; it leaves the tree when they have ended.

    :ivar threads: those that were told to end; ``None``: they have not been told.
    """

    __slots__ = ("_next", "threads")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.threads: list[Thread] | None = None
        self._next: Any = None

    def label(self) -> str:
        """With the threads that do not end, and the functions that they are in."""
        stuck = ", ".join(f"{t.name} in {_work_of(t)}" for t in self.threads or () if t.is_alive())
        return super().label() + (f" ({stuck})" if stuck else "")

    def look(self, pause: float = 0.001) -> None:
        """Look whether the threads have ended, now and again."""
        self._rest()
        if any(thread.is_alive() for thread in self.threads or ()):
            self._next = self.reactor.callLater(pause, self.look, min(2 * pause, POLL))
        else:
            try:
                self.closer.finish(self)
            finally:
                self.ended()

    def leave(self, counted: bool = True) -> None:
        """Look no more."""
        self._rest()
        if not counted:
            _abandoned.update(self.threads or ())
        super().leave(counted)

    def _rest(self) -> None:
        following, self._next = self._next, None
        if following is not None and following.active():
            following.cancel()


class ThreadPoolCloser(BaseCloser):
    """
    A thread pool: has the grace to finish what it took; when it has, or the grace is over, it takes
    nothing more, and its threads end. A thread cannot be forced: one that blocks for ever is
    abandoned and named, with the function that it is in.
    """

    kind = "threadpool"

    def node(self, parent: Node, thing: Any, name: str | None, site: Site | None) -> Node:
        """A node that can wait for threads."""
        return ThreadsNode(parent, self, thing, name or getattr(thing, "name", None), site)

    def attach(self, node: Node) -> Any:
        """Note when somebody stops it."""
        pool = self.pool(node)
        if pool.joined:
            node.ended()
        else:
            pool.stop = partial(_stopped, node, pool, pool.stop)
        return node.thing

    def pool(self, node: Node) -> Any:
        """The thread pool."""
        return node.thing

    def busy(self, node: Node) -> bool:
        """Its threads work, or work waits for them."""
        return working(self.pool(node))

    def close(self, node: Node) -> Any:
        """Tell its threads to end when they have finished."""
        assert isinstance(node, ThreadsNode)
        if node.threads is None:
            node.threads = dismiss(self.pool(node))
            node.look()
        return WATCHED

    def abort(self, node: Node) -> bool:
        """Threads without work end at once; others do not."""
        assert isinstance(node, ThreadsNode)
        self.close(node)
        if not alive(node.reactor):
            for thread in node.threads or ():
                thread.join(_JOIN)
            node.look()
        return node.thing is None or not working(self.pool(node))

    def finish(self, node: Node) -> None:
        """The threads have ended; nothing else is to be done."""


class ReactorThreadsCloser(ThreadPoolCloser):
    """
    The thread pool that a reactor makes when it is first needed; closed only if the reactor stops.

    The reactor itself would wait for every call that its threads were given, and drop the results.
    """

    counted = False

    def attach(self, node: Node) -> Any:
        """There may be none yet; nobody stops it before the reactor does."""
        return node.thing

    def pool(self, node: Node) -> Any:
        """The pool; ``None``: there is none, or the reactor goes on to use it."""
        return getattr(node.thing, "threadpool", None) if node.root.stopping else None

    def reveal(self, node: Node) -> None:
        """It counts if there is one."""
        self.counted = self.pool(node) is not None

    def busy(self, node: Node) -> bool:
        """Its threads work, or work waits for them."""
        return self.pool(node) is not None and super().busy(node)

    def close(self, node: Node) -> Any:
        """Tell its threads to end when they have finished."""
        return None if self.pool(node) is None else super().close(node)

    def abort(self, node: Node) -> bool:
        """Threads without work end at once; others do not."""
        if self.pool(node) is not None:
            return super().abort(node)
        node.ended()
        return True


def working(pool: Any) -> bool:
    """Say whether a thread pool has work, under way or waiting."""
    # Not by its ``working`` and ``q``: the second makes a class each time, which only the
    # collector frees, and this is asked again and again.
    work = pool._team.statistics()
    if work.busyWorkerCount:
        return True
    # What waits for a pool that was never started waits for ever.
    return bool((pool.started or pool.joined) and work.backloggedWorkCount)


def _work_of(thread: Thread) -> str:
    """The name of the function that a pool's thread was given."""
    frame: Any = sys._current_frames().get(thread.ident or 0)
    while frame is not None and not _is_twisted(frame) and not _is_twisted(frame.f_back):
        frame = frame.f_back
    return frame.f_code.co_name if frame is not None else "nothing any more"


def _is_twisted(frame: Any) -> bool:
    return frame is not None and _TWISTED in frame.f_code.co_filename


def dismiss(pool: Any) -> list[Thread]:
    """
    Stop a thread pool without waiting for its threads; they finish what the pool has taken.

    Whatever is given to it from now on fails with :class:`~txresource.errors.ResourceClosed`; by
    itself the pool would drop it without a word.

    :returns: the threads that are still there.
    """
    threads, pool.threads = pool.threads, []
    if not pool.joined:
        pool.callInThreadWithCallback = _refuse_work
        type(pool).stop(pool)  # joins those that the pool knows of: none
    pool.threads = threads
    # A trigger of the reactor or of adbapi may stop it once more, which a pool does not stand.
    pool.stop = _nothing
    return [thread for thread in threads if thread.is_alive()]


def _refuse_work(on_result: Any, *args: Any, **kwargs: Any) -> None:
    error = ResourceClosed("the thread pool is closed")
    if on_result is None:
        raise error
    on_result(False, Failure(error))


def _stopped(node: Node, pool: Any, stop: Any) -> None:
    try:
        stop()
    finally:
        unhook(pool, "stop")
        node.ended()


def _nothing() -> None:
    """What is left of ``stop``."""


register_closer("twisted.python.threadpool.ThreadPool", ThreadPoolCloser())
