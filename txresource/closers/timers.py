"""Closers of delayed calls, looping calls and cooperative tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import CooperativeTask, LoopingCall, TaskFinished

from txresource.registry import BaseCloser, register_closer
from txresource.sites import Site
from txresource.tree import CLOSED, WATCHED, Node

__all__ = (
    "CooperationCloser",
    "DelayedCallCloser",
    "LoopingCallCloser",
    "TimerNode",
)


class TimerNode(Node):
    """
    The node of a delayed call; it stands in for what the call would call.

    :ivar function: what is called when the time has come.
    :ivar canceller: how the reactor forgets the call.
    """

    __slots__ = ("canceller", "function")

    noted = False
    function: Callable[..., Any]
    canceller: Callable[[Any], None]

    def known(self) -> Node | None:
        """By what stands in for how the reactor forgets the call."""
        known = getattr(self.thing.canceller, "__self__", None)
        return known if isinstance(known, TimerNode) else None

    def called(self, *args: Any, **kwargs: Any) -> None:
        """Leave the tree, then do what was to be done."""
        call, function = self.thing, self.function
        self.ended()
        # A fired DelayedCall keeps its function, and with it the owner that keeps the DelayedCall.
        call.func, call.args, call.kw, call.canceller = _nothing, (), {}, self.canceller
        function(*args, **kwargs)

    def cancelled(self, call: Any) -> None:
        """Have the reactor forget it, then leave the tree."""
        call.canceller = self.canceller
        self.canceller(call)
        self.ended()


class DelayedCallCloser(BaseCloser):
    """A delayed call: cancelled in the drain pass; leaves the tree when it is called or cancelled."""

    kind = "timer"

    def node(self, parent: Node, thing: Any, name: str | None, site: Site | None) -> Node:
        """Twisted's own can tell of its end; of another one the root takes a note."""
        kind = TimerNode if isinstance(thing, DelayedCall) else Node
        return kind(parent, self, thing, name, site)

    def attach(self, node: Node) -> Any:
        """Note when it is called or cancelled."""
        call = node.thing
        if not call.active():
            node.ended()
        elif isinstance(node, TimerNode):
            node.function, call.func = call.func, node.called
            node.canceller, call.canceller = call.canceller, node.cancelled
        return call

    def drain(self, node: Node) -> bool:
        """Cancel it: what has not begun does not begin any more."""
        return self.abort(node)

    def end_all(self, nodes: list[Node]) -> bool:
        """Cancel many at the cost of little more than that; what is no ``DelayedCall`` is left."""
        all_gone = True
        for node in nodes:
            try:
                canceller = node.canceller  # type: ignore[attr-defined]
            except AttributeError:
                all_gone = False
                continue
            call = node.thing
            call.canceller = canceller
            call.cancel()
            node.state = CLOSED
        return all_gone

    def close(self, node: Node) -> None:
        """Cancel it."""
        self.abort(node)

    def abort(self, node: Node) -> bool:
        """Cancel it."""
        if node.thing.active():
            node.thing.cancel()
        node.ended()
        return True


def _nothing() -> None:
    """What a delayed call that was made holds from then on."""


class LoopingCallCloser(BaseCloser):
    """A looping call: stopped in the drain pass; a call under way has the grace to finish."""

    kind = "loop"

    def attach(self, node: Node) -> Any:
        """Note when it stops or fails."""
        running = node.thing._deferred
        if running is None:
            node.ended()
        else:
            running.addBoth(_stopped, node)
        return node.thing

    def drain(self, node: Node) -> bool:
        """Stop it."""
        if node.thing.running:
            node.thing.stop()
        return True

    def close(self, node: Node) -> Any:
        """Stop it."""
        self.drain(node)
        return WATCHED

    def abort(self, node: Node) -> bool:
        """A call under way cannot be forced."""
        self.drain(node)
        return node.thing is None


def _stopped(result: Any, node: Node) -> Any:
    node.ended()
    return result


class CooperationCloser(BaseCloser):
    """
    What ``cooperate`` returned: it has the grace to come to its end, then it is stopped.

    Its result and its errors go to whoever asked its ``whenDone``, as ever.
    """

    kind = "cooperation"

    def attach(self, node: Node) -> Any:
        """Note when it ends, fails or is stopped."""
        node.thing.whenDone().addBoth(lambda _: node.ended())
        return node.thing

    def busy(self, node: Node) -> bool:
        """It is work in flight."""
        return True

    def close(self, node: Node) -> Any:
        """Stop it."""
        self.abort(node)
        return WATCHED

    def abort(self, node: Node) -> bool:
        """Stop it."""
        try:
            node.thing.stop()
        except TaskFinished:
            node.ended()
        return True


register_closer(DelayedCall, DelayedCallCloser())  # found sooner than by the interface
register_closer(IDelayedCall, DelayedCallCloser())
register_closer(LoopingCall, LoopingCallCloser())
register_closer(CooperativeTask, CooperationCloser())
