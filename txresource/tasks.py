"""Tasks of a scope: Deferreds and coroutines that are told, waited for, then cancelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txresource.registry import BaseCloser, register_closer
from txresource.sites import describe_site
from txresource.tree import CLOSED, WATCHED, Node

__all__ = (
    "DeferredCloser",
    "Task",
    "begin",
)

log = Logger()


class Task(Deferred[Any]):
    """
    The result of a task.

    A failure that nobody took is logged once, with the name and the line of the task, when the
    last reference goes; that it was cancelled is no news.
    """

    def __init__(self, work: Deferred[Any], node: Node) -> None:
        super().__init__(lambda _: work.cancel())
        self._name = node.label()
        self._site = node.site

    def __del__(self) -> None:
        if self.called and isinstance(self.result, Failure):
            self.addErrback(self._tell)

    def _tell(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        log.failure(
            "task {name} failed and nobody asked (started at {site})",
            failure,
            name=self._name,
            site=describe_site(self._site),
        )


class DeferredCloser(BaseCloser):
    """
    A Deferred, and the work behind it: the grace is its time to finish, then it is cancelled.
    """

    kind = "task"

    def attach(self, node: Node) -> Any:
        """Watch the work; what it ends with goes to a Deferred of the caller's own."""
        work: Deferred[Any] = node.thing
        task = Task(work, node)

        def done(result: Any) -> None:
            node.ended()
            task.callback(result)

        work.addBoth(done)
        return task

    def busy(self, node: Node) -> bool:
        """A task under way is work in flight."""
        return True

    def close(self, node: Node) -> Any:
        """Cancel it."""
        node.thing.cancel()
        return WATCHED

    def abort(self, node: Node) -> bool:
        """A task that swallowed the cancel cannot be forced."""
        node.thing.cancel()
        return node.state == CLOSED


def begin(work: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Deferred[Any]:
    """
    Begin work of any colour.

    :param work: a coroutine, a Deferred, or a callable that returns either or a plain value.
    :returns: a Deferred of its result.
    """
    if isinstance(work, Deferred):
        return work
    if hasattr(work, "send"):
        return Deferred.fromCoroutine(work)
    function: Callable[..., Any] = work
    return maybeDeferred(function, *args, **kwargs)


register_closer(Deferred, DeferredCloser())
