"""
Closing: two passes over a subtree under one deadline.

*Drain* goes down the whole subtree in one turn and tells everything that its end has come.
*Release* comes up: children before parents, newest first, neighbours of one kind as one batch.
What was told in the drain pass has until the deadline, all at the same time; what begins to
close in the release pass has its step's share of what is left; after it comes the abort. What an
abort cannot end is abandoned, and named.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger

from txresource.failures import scrub
from txresource.lingering import Lingering, batches, own_something
from txresource.outcome import summary
from txresource.sites import Site
from txresource.tree import CLOSED, CLOSING, DRAINING, OPEN, Node, alive

__all__ = (
    "Closing",
    "GOODBYE",
    "LAST",
    "close_node",
)

log = Logger()

#: Seconds for the goodbyes that are still to be said when the grace is over.
GOODBYE = 1.0
#: Seconds that the reactor gets to carry out the aborts.
LAST = 0.5


def close_node(
    node: Node,
    grace: float | None = None,
    within: Closing | None = None,
    *,
    abort: bool = False,
    by: Site | str | None = None,
) -> Closing:
    """
    Begin to close a node and all below it, or join the close that is under way.

    :param grace: seconds for work in flight; ``None``: the node's own. A later call can only
        shorten it.
    :param within: the close of a parent that this one is a part of.
    :param abort: let go of everything at once.
    :param by: who closes it: a line of code, or words.
    """
    run = node.run
    if run is None:
        parents = None if node.parent is None else node.parent.run
        run = node.run = Closing(node, grace, within or parents, by)
        if within is None:
            run.start(abort)
        return run
    if node.foreign():
        run.forget()
        return run
    run.join(within)
    run.hurry(grace)
    if abort:
        run.abort()
    elif within is None and node.state is not OPEN:  # else the drain pass is still to come
        # Asked for by somebody who waits for it, and for whom its turn may wait: a service that
        # the close of a parent stops, say.
        run.go()
    return run


class Closing(Lingering):
    """One close of one subtree; lives from its begin until the last waiter is told."""

    __slots__ = (
        "_begun",
        "_own_time",
        "_waiters",
        "by",
        "deadline",
        "end",
        "finished",
        "hard_end",
        "released",
    )

    def __init__(
        self,
        top: Node,
        grace: float | None,
        within: Closing | None,
        by: Site | str | None = None,
    ) -> None:
        super().__init__(top)
        #: Who began it: a line of code, or words.
        self.by = by
        limit = top.grace if grace is None else grace
        if limit is None:
            limit = 5.0 if within is None else 1e9
        self.deadline = self.began + max(0.0, limit)
        self.end = self.deadline + GOODBYE
        self.hard_end = self.end + LAST
        self._waiters: list[Deferred[None]] = []
        self._begun = self.released = self.finished = False
        self._own_time: Any = None
        self.join(within)

    # -- what others ask of it

    def join(self, within: Closing | None) -> None:
        """Become a part of a parent's close: its limits hold here, and it counts what we count."""
        if within is None or within is self._within or self.finished:
            return
        self._within = within
        if self.by is None:
            self.by = within.by
        self.limit(within.deadline, within.end, within.hard_end)

    def hurry(self, grace: float | None) -> None:
        """Shorten the grace; a longer one than what is left changes nothing."""
        if grace is not None and not self.finished:
            deadline = self.top.reactor.seconds() + max(0.0, grace)
            self.limit(deadline, deadline + GOODBYE, deadline + GOODBYE + LAST)

    def limit(self, deadline: float, end: float, hard_end: float) -> None:
        """Be done no later than this (seconds on the reactor's clock), and all below as well."""
        if self.finished:
            return
        self.deadline = min(self.deadline, deadline)
        self.end = min(self.end, end)
        self.hard_end = min(self.hard_end, hard_end)
        for child in tuple(self.top.children or ()):
            if child.run is not None:
                child.run.limit(self.deadline, self.end, self.hard_end)
        self.hasten(self.deadline)
        self._wait_own_time()
        self._rouse()

    def _wait_own_time(self) -> None:
        """A grace shorter than the parent's is over in time, though what is newer is still there."""
        if self._begun or self._within is None or self.deadline >= self._within.deadline:
            return
        if self._own_time is not None:
            self._own_time.cancel()
            self._own_time = None
        if alive(self.top.reactor):
            left = max(0.0, self.deadline - self._now())
            self._own_time = self.top.reactor.callLater(left, self.go)

    def abort(self, last: float = LAST) -> None:
        """
        Let go of everything now, newest first.

        :param last: seconds that the reactor gets to carry it out; 0 where it does not run.
        """
        if self.finished:
            return
        if self.end_linger():
            self.drain(abort=True)
            return
        now = self._now()
        self.deadline, self.end = min(self.deadline, now), min(self.end, now)
        self.hard_end = min(self.hard_end, now + last)
        for child in reversed(tuple(self.top.children or ())):
            if child.run is not None:
                child.run.abort(last)
            else:
                self._abort(child)
        self._rouse()

    def waiter(self) -> Deferred[None]:
        """
        Wait for the end of this close.

        :returns: a Deferred that fires with ``None`` when all is released. The first one given
            out fails instead when a step failed: with its error, or with a
            :class:`~txresource.errors.ResourceError` that names several. Cancelling it withdraws
            one waiter; cancelling the last one aborts what is left.
        """
        waiter: Deferred[None] = Deferred(self._cancelled)
        self._waiters.append(waiter)
        if self.finished:
            self._answer()
        return waiter

    # -- the drain pass

    def start(self, abort: bool = False) -> None:
        """Begin: with the linger, or with the drain pass in this turn."""
        if self.top.foreign():
            self.forget()
        elif abort or not self.linger(min(self.top.linger, self.deadline - self._now())):
            self.drain(abort)

    def drain(self, abort: bool = False) -> None:
        """Make the drain pass in this turn, then begin with the release pass, or with the aborts."""
        self.end_linger()
        top = self.top
        if top.state is OPEN and not abort:
            self.last_call()
        if top.state is OPEN:  # else the parent has told it, and this only joins
            self._attempt(top, top.closer.reveal)
            scopes: list[Node] = []
            self._mark(top, scopes)
            for node in scopes:
                # Before any intake stops: who is asked whether the program is ready says no by now.
                node.tell()
            self._drain(top)
        if abort:
            self.abort()
        self.go()

    def _mark(self, node: Node, scopes: list[Node]) -> None:
        # All of the subtree refuses new things before any of it is told: what the telling sets
        # off can open nothing anywhere.
        node.state = DRAINING
        scopes.append(node)
        run = node.run
        for closer, batch in batches(node):
            if not own_something(closer):
                continue
            for child in batch:
                if child.run is not None:
                    child.run.join(run)
                    if not child.run.end_linger():
                        continue  # it closes on its own already
                self._attempt(child, closer.reveal)
                if child.children:
                    close_node(child, None, run)
                    self._mark(child, scopes)
                else:
                    child.state = DRAINING
                    if child.listeners:
                        scopes.append(child)

    def _drain(self, node: Node) -> None:
        self._attempt(node, _drain_once)
        for closer, batch in batches(node):
            if len(batch) > 1 and not own_something(closer):
                # The last one goes as any other does: so the parent hears of it.
                last = batch.pop()
                self._end_all(node, closer, batch)
                batch = [last]
            for child in batch:
                if child.run is None or not child.run._begun:
                    child.state = DRAINING if child.state is OPEN else child.state
                    self._drain(child)

    def _end_all(self, node: Node, closer: Any, batch: list[Node]) -> None:
        children, gone = node.children or {}, batch
        if self._attempt(node, lambda _: closer.end_all(batch)) is not True:
            gone = [child for child in batch if child.state is CLOSED]
        if len(children) == len(gone) + 1:  # all but the last one
            last = next(iter(children))
            children.clear()
            children[last] = None
        else:
            for child in gone:
                children.pop(child, None)
        for outcome in (node.run or self)._outcomes():
            outcome.closed[closer.kind] += len(gone)
        for child in batch if len(gone) < len(batch) else ():
            if child.state is OPEN:
                child.state = DRAINING
                self._drain(child)

    def forget(self) -> None:
        """
        Let go of all, and touch nothing: another process, which this one was forked from, uses it.
        """
        if not self.finished:
            self._waiters.clear()  # they wait in that other process
            self._linger = None  # it is the other process's call
            _forget(self.top)
            self._awaited = {}
            self.go()
            self._rouse()

    # -- the release pass

    def go(self) -> None:
        """Begin with the release pass, if it has not begun."""
        if not self._begun:
            self._begun = True
            self.end_linger()
            if self._own_time is not None and self._own_time.active():
                self._own_time.cancel()
            self._own_time = None
            ensureDeferred(self._release()).addErrback(
                lambda failure: log.failure("closing broke", failure)
            )

    async def _release(self) -> None:
        if not alive(self.top.reactor):
            self.abort(last=0.0)
        children = reversed(tuple(self.top.children or ()))
        batches = [list(batch) for _, batch in groupby(children, lambda node: node.closer.kind)]
        own = int(self.top.closer.counted)
        for left, batch in zip(range(len(batches) + own, 0, -1), batches, strict=False):
            await self._step(batch, left)
        self.released = True
        await self._step([self.top], 1)
        self._finish()

    async def _step(self, nodes: list[Node], left: int) -> None:
        nodes = [node for node in nodes if node.state is not CLOSED]
        for node in nodes:
            if self._nested(node):
                node.run.go()  # type: ignore[union-attr]
        late = {node for node in nodes if node.state is DRAINING and not self._waits(node)}
        await self._until(
            lambda: self.deadline, [n for n in nodes if n not in late], self._finish_busy
        )
        share_end, last = self._now() + max(0.0, self.end - self._now()) / left, LAST / left
        for node in nodes:
            self._begin_or_abort(node, share_end, last)
        await self._until(lambda: min(share_end, self.end), nodes)
        for node in nodes:
            if not self._nested(node):
                self._abort(node)
        last += self._now()
        await self._until(lambda: min(last, self.hard_end), nodes)
        for node in nodes:
            if self._nested(node):
                node.run.abort(0.0)  # type: ignore[union-attr]  # it names what it has left
            self._abandon(node, None)

    def _nested(self, node: Node) -> bool:
        return node.run is not None and node is not self.top

    def _waits(self, node: Node) -> bool:
        return self._nested(node) or self._attempt(node, node.closer.busy) is True

    def _finish_busy(self, node: Node) -> bool:
        """Close a node that is not busy any more; true while it still is."""
        if node.state is not DRAINING or self._nested(node):
            return False
        if self._waits(node):
            return True
        self._begin(node)
        return False

    def _begin_or_abort(self, node: Node, share_end: float, last: float) -> None:
        if self._nested(node):
            node.run.limit(self.deadline, share_end, share_end + last)  # type: ignore[union-attr]
        elif node.state is CLOSING:
            self._abort(node)
        elif node.state in (OPEN, DRAINING):
            self._begin(node)

    def _finish(self) -> None:
        self.finished = True
        self._within = None
        del self.top  # the node keeps this, for whoever asks it to close again
        self._answer()
        for failure in self._errors:  # kept for the first who asks, without what they hold
            scrub(failure)

    def _answer(self) -> None:
        while self._waiters:  # one at a time: whoever is told may cancel another
            waiter, errors, self._errors = self._waiters.pop(0), self._errors, []
            waiter.callback(summary(errors) if errors else None)

    def _cancelled(self, waiter: Deferred[None]) -> None:
        if waiter in self._waiters:  # else it was cancelled again, by the abort that follows
            self._waiters.remove(waiter)
        if not self._waiters and self._within is None:
            self.abort()


def _drain_once(node: Node) -> None:
    if node.listeners == () or node.state is not DRAINING:
        return
    node.listeners = ()
    if node.closer.drain(node) and node.state is DRAINING:
        node.state = CLOSING


def _forget(node: Node) -> None:
    if node.noted:
        node.unnote()
    node.state, children = CLOSED, tuple(node.children or ())
    node.children = node.listeners = node.thing = None
    for child in children:
        if child.run is not None:
            child.run.forget()
        else:
            _forget(child)
