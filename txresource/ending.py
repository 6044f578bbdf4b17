"""What a close does to one thing: begin, abort, abandon; and the account of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txresource.outcome import Abandoned, Outcome
from txresource.sites import describe_site
from txresource.tree import ABORTING, CLOSED, CLOSING, WATCHED, Node
from txresource.waiting import Waiting

__all__ = ("Ending",)

log = Logger()


class Ending(Waiting):
    """
    The steps with a single thing, none of which stops the others when it fails.

    :ivar began: when the close began, on the reactor's clock.
    :ivar outcome: what became of the things below so far.
    """

    __slots__ = ("_errors", "_within", "began", "outcome")

    def __init__(self, top: Node) -> None:
        super().__init__(top)
        self.began: float = top.reactor.seconds()
        self.outcome = Outcome()
        self._within: Any = None
        self._errors: list[Failure] = []

    def count(self, node: Node, aborted: bool) -> None:
        """Count a thing that went while this close was under way."""
        if node.closer.counted:
            lost = aborted and not node.closer.lossless
            for outcome in self._outcomes():
                (outcome.aborted if lost else outcome.closed)[node.closer.kind] += 1

    def _outcomes(self) -> Iterator[Outcome]:
        run: Any = self
        while run is not None:
            yield run.outcome
            run = run._within

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
            within=_owners(node),
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
        log.failure("closing {what} failed", failure, what=repr(node))  # not held
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


def _owners(node: Node) -> tuple[str, ...]:
    owner = node.parent
    if owner is None or owner.parent is None:
        return ()
    return (*_owners(owner), f"{owner.closer.kind} {owner.label()}")
