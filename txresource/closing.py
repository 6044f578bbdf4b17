"""
Closing: two passes over a subtree under one deadline.

*Drain* goes down the whole subtree in one turn and tells everything that its end has come.
*Release* comes up: children before parents, newest first, neighbours of one kind as one batch.
What was told in the drain pass has until the deadline, all at the same time; what begins to
close in the release pass has its step's share of what is left; after it comes the abort. What an
abort cannot end is abandoned, and named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txresource.failures import scrub
from txresource.outcome import Abandoned, Outcome, summary
from txresource.sites import describe_site
from txresource.tree import ABORTING, CLOSED, CLOSING, DRAINING, OPEN, WATCHED, Node, alive
from txresource.waiting import Waiting

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
    node: Node, grace: float | None = None, within: Closing | None = None, *, abort: bool = False
) -> Closing:
    """
    Begin to close a node and all below it, or join the close that is under way.

    :param grace: seconds for work in flight; ``None``: the node's own. A later call can only
        shorten it.
    :param within: the close of a parent that this one is a part of.
    :param abort: let go of everything at once.
    """
    run = node.run
    if run is None:
        parents = None if node.parent is None else node.parent.run
        run = node.run = Closing(node, grace, within or parents)
        if within is None:
            run.start(abort)
        return run
    run.join(within)
    run.hurry(grace)
    if abort:
        run.abort()
    return run


class Closing(Waiting):
    """One close of one subtree; lives from its begin until the last waiter is told."""

    __slots__ = (
        "_begun",
        "_errors",
        "_waiters",
        "_within",
        "began",
        "deadline",
        "end",
        "finished",
        "hard_end",
        "outcome",
        "released",
    )

    def __init__(self, top: Node, grace: float | None, within: Closing | None) -> None:
        super().__init__(top)
        self.outcome = Outcome()
        self.began: float = top.reactor.seconds()
        self._within: Closing | None = None
        limit = top.grace if grace is None else grace
        if limit is None:
            limit = 5.0 if within is None else 1e9
        self.deadline = self.began + max(0.0, limit)
        self.end = self.deadline + GOODBYE
        self.hard_end = self.end + LAST
        self._waiters: list[Deferred[None]] = []
        self._errors: list[Failure] = []
        self._begun = self.released = self.finished = False
        self.join(within)

    # -- what others ask of it

    def join(self, within: Closing | None) -> None:
        """Become a part of a parent's close: its limits hold here, and it counts what we count."""
        if within is None or within is self._within or self.finished:
            return
        self._within = within
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
        self._rouse()

    def abort(self, last: float = LAST) -> None:
        """
        Let go of everything now, newest first.

        :param last: seconds that the reactor gets to carry it out; 0 where it does not run.
        """
        if self.finished:
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

    def count(self, node: Node, aborted: bool) -> None:
        """Count a thing that went while this close was under way."""
        if node.closer.counted:
            for outcome in self._outcomes():
                (outcome.aborted if aborted else outcome.closed)[node.closer.kind] += 1

    def _outcomes(self) -> Iterator[Outcome]:
        run: Closing | None = self
        while run is not None:
            yield run.outcome
            run = run._within

    # -- the drain pass

    def start(self, abort: bool = False) -> None:
        """Make the drain pass in this turn, then begin with the release pass, or with the aborts."""
        if self.top.state is OPEN:  # else the parent has told it, and this only joins
            self._attempt(self.top, self.top.closer.reveal)
            self._mark(self.top)
            self._tell(self.top)
        if abort:
            self.abort()
        self.go()

    def _mark(self, node: Node) -> None:
        # All of the subtree refuses new things before any of it is told: what the telling sets
        # off can open nothing anywhere.
        node.state = DRAINING
        run = node.run
        for child in tuple(node.children or ()):
            if child.run is not None:  # it closes on its own already
                child.run.join(run)
                continue
            self._attempt(child, child.closer.reveal)
            if child.children:
                close_node(child, None, run)
                self._mark(child)
            else:
                child.state = DRAINING

    def _tell(self, node: Node) -> None:
        self._attempt(node, self._drain)
        for child in reversed(tuple(node.children or ())):
            if child.run is None or not child.run._begun:
                self._tell(child)

    @staticmethod
    def _drain(node: Node) -> None:
        if not node.tell() or node.state is not DRAINING:
            return
        if node.closer.drain(node) and node.state is DRAINING:
            node.state = CLOSING

    # -- the release pass

    def go(self) -> None:
        """Begin with the release pass, if it has not begun."""
        if not self._begun:
            self._begun = True
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

    def _begin(self, node: Node) -> None:
        node.state = CLOSING
        result = self._attempt(node, node.closer.close)
        if isinstance(result, Deferred):
            result.addCallbacks(lambda _: node.ended(), lambda f: self._refused(node, f))
        elif isinstance(result, Failure):
            self._abort(node, result)
        elif result is not WATCHED:
            node.ended()

    def _abort(self, node: Node, error: Failure | None = None) -> None:
        if node.state in (CLOSED, ABORTING):
            return
        untold, node.state = node.state is not CLOSING, ABORTING
        forced = self._attempt(node, node.closer.abort)
        if isinstance(forced, Failure):
            self._abandon(node, error or forced)
        elif not forced:
            if untold:  # it cannot be forced, but what it does at once when it is told is done
                self._begin(node)
            self._abandon(node, error)

    def _abandon(self, node: Node, error: Failure | None) -> None:
        if node.state is CLOSED:
            return
        gone = Abandoned(
            what=f"{node.closer.kind} {node.label()}",
            created_at=describe_site(node.site),
            waited=self._now() - self.began,
            error=None if error is None else type(error.value).__name__,
        )
        for outcome in self._outcomes():
            outcome.abandoned.append(gone)
        log.warn(
            "abandoned {what} after {waited:.1f} s: {why} (made at {created_at})",
            what=gone.what,
            waited=gone.waited,
            why=gone.error or "it does not end",
            created_at=gone.created_at,
        )
        node.leave(counted=False)

    def _refused(self, node: Node, failure: Failure) -> None:
        """The soft close failed: what can be forced is, the rest is abandoned with its error."""
        self._note(node, failure)
        self._abort(node, failure)

    def _note(self, node: Node, failure: Failure) -> Failure:
        log.failure("closing {what} failed", failure, what=node)
        self._errors.append(failure)
        return failure

    def _attempt(self, node: Node, step: Callable[[Node], Any]) -> Any:
        """
        Take a step that may run user code. Its error is told and never stops the others: the node
        goes on to its next step.
        """
        try:
            return step(node)
        except Exception:
            return self._note(node, Failure())  # in no variable: its frames would hold it

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
