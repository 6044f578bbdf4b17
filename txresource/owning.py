"""How a thing comes under a node, and what becomes of a scope that everybody has let go of."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred

from txresource.closing import Closing, close_node
from txresource.errors import ResourceClosed
from txresource.registry import CallableCloser, find_closer
from txresource.sites import caller_site, describe_site
from txresource.tree import OPEN, Node, alive

__all__ = (
    "attach",
    "dropped",
    "own",
    "refuse",
)


def own(
    parent: Node, thing: Any, name: str | None, close: Callable[[], Any] | None, closer: Any = None
) -> Any:
    """
    Hang a thing under a node; what :meth:`txresource.scope.Scope.own` does.

    :param closer: goes before what is registered; ``None``: look it up.
    :returns: what to use from now on.
    """
    closer = closer or (find_closer(thing) if close is None else CallableCloser(close))
    return attach(parent, closer.node(parent, thing, name, caller_site()), name)


def attach(parent: Node, node: Node, name: str | None) -> Any:
    """
    Take the thing of a new node into care, and the node into the tree.

    A thing that has a node already keeps that, which moves below this parent.

    :param name: what the user called it; ``None``: the user did not.
    :returns: what to use from now on.
    :raises ResourceClosed: it is too late; the thing has been closed at once.
    :raises ResourceError: it is in another reactor's tree, or owns this parent.
    """
    thing, known = node.thing, node.known()
    try:
        if known is not None:
            return node.give_way_to(known, name)
        used = node.closer.attach(node)
        if node.state is OPEN:  # a thing that had ended before never enters the tree
            parent.adopt(node)
    except ResourceClosed:
        if known is None:
            # It is outside of the tree, and of the parent's accounts: a close of its own, at once.
            node.run = Closing(node, 0.0, None)
            node.run.start()
        elif known.state is OPEN:  # else its owner closes it, in bounds
            close_node(known, 0.0)
        raise
    return thing if used is None else used  # a node that has ended has let go of its thing


def refuse(work: Any) -> None:
    """End work that came too late to be started."""
    if isinstance(work, Deferred):
        work.addErrback(lambda _: None).cancel()
    elif hasattr(work, "send"):
        work.close()


def dropped(node: Node) -> None:
    """
    The last handle went while the scope was open: warn, and close it where that can be done.

    Called where the collector runs, so in any thread. In a process that was forked off, what is
    open is in use elsewhere: nothing is said, and nothing done.
    """
    if node.state is not OPEN or node.foreign():
        return
    reactor = node.reactor
    call = getattr(reactor, "callFromThread", None) or partial(reactor.callLater, 0)
    try:
        if alive(reactor):
            call(partial(close_node, node, by="the loss of its last reference"))
    except RuntimeError:
        pass  # an asyncio loop that is closed takes no more calls
    warnings.warn(
        f"scope {node.label()} was dropped without being closed"
        f" (made at {describe_site(node.site)})",
        ResourceWarning,
        stacklevel=2,
    )
