"""Tasks of a scope: Deferreds and coroutines that are told, waited for, then cancelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txresource.arguments import check_callable, check_result
from txresource.errors import ResourceInterrupted
from txresource.failures import scrub
from txresource.registry import BaseCloser, register_closer
from txresource.sites import Site, describe_site
from txresource.tree import ABORTING, CLOSED, CLOSING, WATCHED, Node

__all__ = (
    "DeferredCloser",
    "DeferredNode",
    "Task",
    "TaskNode",
    "begin",
)

log = Logger()

_WRITE = "write scope.start(function, argument)"


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
        if not failure.check(CancelledError, ResourceInterrupted):
            _log_failure(failure, self._name, self._site)


def _log_failure(failure: Failure, name: str, site: Site | None) -> None:
    log.failure(
        "task {name} failed and nobody asked (started at {site})",
        failure,
        name=name,
        site=describe_site(site),
    )


class TaskNode(Node):
    """
    The node of a task.

    :ivar task: what the caller waits for; ``None`` when the task has ended or was abandoned.
    """

    __slots__ = ("task",)

    noted = False

    def __init__(
        self, parent: Node, closer: Any, thing: Any, name: str | None, site: Site | None
    ) -> None:
        super().__init__(parent, closer, thing, name, site)
        self.task: Task | None = None

    def known(self) -> Node | None:
        """The node of what a function that was started returned, if that is owned already."""
        known: Node | None = self.root.owned.get(self.key)
        return known

    def give_way_to(self, known: Node, name: str | None) -> Any:
        """What is used stays what the first owner got."""
        super().give_way_to(known, name)
        assert isinstance(known, TaskNode)
        return known.task

    def leave(self, counted: bool = True) -> None:
        """Leave the tree; the caller of one that is abandoned need not wait any more."""
        task, self.task = self.task, None
        name = self.label()
        super().leave(counted)
        if task is not None and not counted:
            task.callback(self.interrupted(name))

    def interrupted(self, name: str, cause: BaseException | None = None) -> Failure:
        """What the caller gets when the close has ended the task."""
        run: Any = self.run or (self.parent and self.parent.run)
        elapsed = self.reactor.seconds() - run.began
        error = ResourceInterrupted(f"task {name}", elapsed, run.deadline - run.began, run.by)
        error.__cause__ = cause
        return Failure(error)


class DeferredNode(TaskNode):
    """The node of a Deferred that was given to a scope; what was started, nobody else can own."""

    __slots__ = ()

    noted = True
    known = Node.known


class DeferredCloser(BaseCloser):
    """
    A Deferred, and the work behind it: the grace is its time to finish, then it is cancelled.
    """

    kind = "task"

    def node(self, parent: Node, thing: Any, name: str | None, site: Site | None) -> Node:
        """A node of a Deferred that somebody has, who may own it again."""
        return DeferredNode(parent, self, thing, name, site)

    def attach(self, node: Node) -> Any:
        """Watch the work; what it ends with goes to a Deferred of the caller's own."""
        work: Deferred[Any] = node.thing
        assert isinstance(node, TaskNode)
        task = node.task = Task(work, node)
        work.addBoth(_done, node)
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


def _done(result: Any, node: TaskNode) -> None:
    task = node.task
    if task is None:  # it was abandoned, and now it ends after all
        if isinstance(result, Failure) and not result.check(CancelledError):
            _log_failure(result, node.label(), node.site)
        return
    ours = node.state in (CLOSING, ABORTING)
    if ours and isinstance(result, Failure) and result.check(CancelledError):
        # Its frames are in a cycle with it, and hold this close and all that called it.
        result = node.interrupted(node.label(), scrub(result).value)
    node.ended()
    task.callback(result)


def begin(work: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Deferred[Any]:
    """
    Begin work of any colour.

    :param work: a coroutine, a Deferred, or a callable that returns either or a plain value.
    :returns: a Deferred of its result.
    :raises TypeError: it is none of these, or returned a generator.
    """
    if isinstance(work, Deferred):
        return work
    if hasattr(work, "send"):
        return Deferred.fromCoroutine(work)
    function: Callable[..., Any] = work
    check_callable("a task is a callable, a coroutine or a Deferred", work, _WRITE)
    began: Deferred[Any] = maybeDeferred(function, *args, **kwargs)
    if began.called:
        check_result(function, began.result)
    return began


register_closer(Deferred, DeferredCloser())
