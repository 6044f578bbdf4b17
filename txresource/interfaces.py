"""The interfaces by which things take part in closing; no logic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from txresource.tree import Node

__all__ = (
    "ICloseable",
    "ICloser",
    "IDrainPolicy",
)


class ICloseable(Interface):
    """A thing that knows itself how it is closed; a scope owns it without a closer."""

    def close() -> Deferred[Any] | None:
        """
        Close softly.

        :returns: ``None`` or a Deferred that fires when the thing is gone.
        """

    def abort() -> None:
        """Let go at once, whatever is lost; harmless after the thing is gone."""


class ICloser(Interface):
    """
    How one kind of thing is closed. A closer has no state of its own: one serves every node of
    its kind.
    """

    kind = Attribute("One word for the kind of thing: ``port``, ``timer``, ``service`` …")

    counted = Attribute("False for what only holds other things: it is in no count of a report.")

    lossless = Attribute("True where an abort loses no more than a close: it counts as closed.")

    def node(parent: Node, thing: Any, name: str | None, site: Any) -> Node:
        """Make the node of such a thing; the parent has not adopted it yet."""

    def attach(node: Node) -> Any:
        """
        Take the thing into care, and arrange that ``node.ended()`` is called when it ends by
        itself.

        :returns: what the owner uses from now on, mostly the thing itself.
        """

    def reveal(node: Node) -> None:
        """
        Hang what the thing owns below the node, so that it is closed and named one by one.

        Called once, when closing begins, before anything is told.
        """

    def drain(node: Node) -> bool:
        """
        Tell the thing, in the one turn of the drain pass, that its end has come: take in nothing
        new.

        :returns: true where the soft close has begun by this, and ``node.ended()`` will follow.
        """

    # A closer of things that own nothing may have ``end_all(nodes) -> bool`` as well. In the drain
    # pass it gets neighbours of its kind, newest first, ends all it can in that call, sets their
    # ``state`` to closed, and returns whether that was all of them; the others are told one by one.

    # Before the drain pass a closer may take part by three more methods, each called with a node:
    # ``linger`` when a close begins that lingers, ``accept`` and then ``hear`` in the last call: take
    # in the connections, and the requests, that have arrived already.

    def busy(node: Node) -> bool:
        """Say whether work in flight is a reason to wait with the soft close."""

    def close(node: Node) -> Any:
        """
        Begin the soft close.

        :returns: a Deferred that fires when the thing is gone; ``None`` where it is gone already;
            :data:`txresource.tree.WATCHED` where ``node.ended()`` will tell.
        """

    def abort(node: Node) -> bool:
        """
        Let go at once, whatever is lost.

        :returns: false where this kind of thing cannot be forced.
        """


class IDrainPolicy(Interface):
    """How a connection of one kind of protocol says goodbye."""

    def busy(protocol: Any) -> bool:
        """Say whether an answer is under way that should be let through."""

    def goodbye(protocol: Any, transport: Any) -> bool:
        """
        Tell the peer that no more will be served.

        :returns: true where the connection will close by itself once it is no longer busy, or has
            been told to close by this call.
        """

    def expects(protocol: Any) -> bool:
        """Say whether a peer that has just connected can be expected to ask for something."""

    def linger(protocol: Any, transport: Any) -> None:
        """Tell the peer with the next answer that it is the last one."""

    def hear(protocol: Any, transport: Any) -> bool:
        """
        Get ready for what has arrived, which is lost when an idle connection is.

        :returns: whether to read it.
        """
