"""The ownership tree: its nodes, their states, and frozen pictures of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred

from txresource.errors import ResourceClosed, ResourceDraining, ResourceError, WrongProcess
from txresource.sites import Site, describe_site

if TYPE_CHECKING:
    from txresource.closing import Closing

__all__ = (
    "ABORTING",
    "CLOSED",
    "CLOSING",
    "DRAINING",
    "Node",
    "NodeView",
    "OPEN",
    "ScopeStatistics",
    "WATCHED",
    "alive",
    "this_process",
    "type_name",
)

#: The states of a node, in the only order in which it passes through them; any may be left out.
OPEN: Final = "open"
DRAINING: Final = "draining"
CLOSING: Final = "closing"
ABORTING: Final = "aborting"
CLOSED: Final = "closed"

#: What a closer's ``close`` returns when ``node.ended()`` will tell that the thing is gone.
WATCHED: Final = object()


@dataclass(frozen=True, slots=True)
class NodeView:
    """
    A picture of a node and all below it, free of references to what it shows.

    :ivar kind: one word: ``scope``, ``port``, ``connection`` …
    :ivar name: what the owner called it, or the name of its type.
    :ivar age: seconds since it was owned.
    :ivar state: ``open``, ``draining``, ``closing``, ``aborting`` or ``closed``.
    :ivar created_at: the line that made it, ``file:line in function: source``; ``None`` where
        nothing but Twisted itself was on the stack.
    :ivar children: in the order in which they were owned.
    """

    kind: str
    name: str
    age: float
    state: str
    created_at: str | None
    children: tuple[NodeView, ...]

    def __str__(self) -> str:
        """The tree as text, a line each, children indented."""
        return "\n".join(self._lines(""))

    def _lines(self, indent: str) -> list[str]:
        created = f"  [{self.created_at}]" if self.created_at else ""
        own = f"{indent}{self.kind} {self.name}  {self.state}, {self.age:.1f} s{created}"
        below = [line for child in self.children for line in child._lines(indent + "  ")]
        return [own, *below]


@dataclass(frozen=True, slots=True)
class ScopeStatistics:
    """
    What a scope holds at this moment.

    :ivar state: ``open``, ``draining``, ``closing``, ``aborting`` or ``closed``.
    :ivar owned: how many things of each kind it owns itself, not counting what those own.
    :ivar age: seconds since it was made.
    :ivar in_flight: how many things in it and below have work under way: tasks, and connections
        with an answer to finish.
    :ivar closed_by: the line that called for its close, or words; ``None``: it is open.
    """

    state: str
    owned: Mapping[str, int]
    age: float
    in_flight: int
    closed_by: str | None


def type_name(kind: type) -> str:
    """Module and name of a type; a ``.tac`` file's own types, which have no module, by name."""
    name = f"{kind.__module__}.{kind.__qualname__}"
    return name.removeprefix("builtins.")


def alive(reactor: Any) -> bool:
    """
    Say whether waiting has a sense: the reactor runs, may still be started, or is a clock.

    No public name tells a reactor that has stopped from one that was never started.
    """
    return bool(getattr(reactor, "running", True)) or not getattr(reactor, "_startedBefore", False)


def this_process() -> int:
    """The id of this process, without a call into the kernel: every connection asks for it."""
    return _pid


def _forked() -> None:
    global _pid
    _pid = os.getpid()


_pid = os.getpid()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class Node:
    """
    One thing in the tree: what it is, how it is closed, and what it owns in turn.

    Slotted and without a Deferred of its own: a server has one for each connection.
    """

    __slots__ = (
        "__weakref__",
        "born",
        "children",
        "closer",
        "listeners",
        "name",
        "parent",
        "root",
        "run",
        "site",
        "state",
        "thing",
    )

    #: Seconds that closing may take; ``None``: whatever the parent has left.
    grace: float | None = None
    #: Whether the root finds this node by its thing, so that each thing is owned once. Kinds of
    #: which there are very many find their node by a hook of their own, for no memory.
    noted = True
    #: Seconds of the grace in which a close that begins here goes on to take in work.
    linger: float = 0.0
    #: What counts the connections below; ``None``: nobody does.
    limit: Any = None

    def __init__(
        self, parent: Node | None, closer: Any, thing: Any, name: str | None, site: Site | None
    ) -> None:
        self.parent = parent
        if parent is not None:  # the root itself needs no telling
            self.root: Any = parent.root
        self.closer = closer
        self.thing = thing
        self.name = name
        self.site = site
        self.state: str = OPEN
        self.children: dict[Node, None] | None = None
        self.run: Closing | None = None
        #: Who waits for the begin of the end; empty, and a tuple, when the drain pass was here.
        self.listeners: list[Deferred[None]] | tuple[()] | None = None
        self.born: float = self.root.reactor.seconds()

    @property
    def reactor(self) -> Any:
        """The reactor of the whole tree; the root overrides this."""
        return self.root.reactor

    def __repr__(self) -> str:
        return f"<{self.closer.kind} {self.label()} {self.state}>"

    def label(self) -> str:
        """The name by which logs and reports speak of this node."""
        if self.name is not None:
            return self.name
        return type_name(type(self.thing))

    def adopt(self, child: Node) -> None:
        """
        Take a new child.

        :raises ResourceDraining: this node is closing.
        :raises ResourceClosed: this node is closed.
        :raises WrongProcess: the tree belongs to the process that this one was forked from.
        """
        if self.state is not OPEN or self.root.pid != _pid:  # most often it is neither
            self.check_open()
            if self.root.pid is None and child.closer.counted:
                self.root.take_process()
        self.hang(child)

    def hang(self, child: Node) -> None:
        """Put a child in its place; whoever calls this knows that it is not too late."""
        if self.children is None:
            self.children = {}
        self.children[child] = None
        if child.noted:
            self.root.owned[child.key] = child

    def check_open(self) -> None:
        """
        Refuse what comes too late.

        :raises ResourceDraining: this node is closing.
        :raises ResourceClosed: this node is closed.
        :raises WrongProcess: the tree belongs to the process that this one was forked from.
        """
        if self.foreign():
            raise WrongProcess(
                f"{self.label()} was opened by process {self.root.pid}, and this one was forked"
                " from that: it can only let go of it"
            )
        if self.state is OPEN:
            return
        if self.state is CLOSED:
            raise ResourceClosed(f"{self.label()} is closed")
        raise ResourceDraining(f"{self.label()} is {self.state} and takes nothing new")

    def foreign(self) -> bool:
        """Say whether the tree belongs to the process that this one was forked from."""
        pid = self.root.pid
        return bool(pid) and pid != _pid

    def ended(self) -> None:
        """
        Note that the thing is gone. What it owned is closed now; then the node leaves the tree.

        May be called more than once.
        """
        if self.state is CLOSED:
            return
        if self.children and (self.run is None or not self.run.released):
            self._close_orphans()
        else:
            self.leave()

    def lingers(self) -> bool:
        """Say whether its end has begun, though it takes in new things until the drain pass."""
        node: Node | None = self
        while node is not None and node.state is OPEN:
            if node.run is not None:
                return True
            node = node.parent
        return False

    def closing(self) -> Deferred[None]:
        """
        Wait for the begin of the end.

        :returns: a Deferred that fires with ``None`` when closing begins; at once when it has
            begun. Cancelling it withdraws the wish.
        """
        if self.state is not OPEN or self.lingers():
            begun: Deferred[None] = Deferred()
            begun.callback(None)
            return begun
        listeners = self.listeners
        if not isinstance(listeners, list):
            listeners = self.listeners = []
        listener: Deferred[None] = Deferred(listeners.remove)
        listeners.append(listener)
        return listener

    def tell(self) -> None:
        """Tell those who wait for the begin of the end."""
        listeners = self.listeners
        if listeners:
            self.listeners = None
            for listener in listeners:
                listener.callback(None)

    def leave(self, counted: bool = True) -> None:
        """
        Leave the tree; whoever waits for it is told.

        :param counted: false for what was abandoned: it is not gone, and in no count.
        """
        aborted = self.state is ABORTING
        self.state = CLOSED
        if self.noted:
            self.unnote()
        self.thing = None
        if self.listeners:
            self.tell()
        if self.run is not None:
            if counted:
                self.run.count(self, aborted)
            self.run.unawait(self)
            self.run.go()  # it may have ended by itself before its turn came
        if self.parent is not None:
            self.parent.lost(self, aborted, counted)

    def lost(self, child: Node, aborted: bool, counted: bool = True) -> None:
        """Let go of a child that is gone, or was given up."""
        if self.children is None or child not in self.children:
            return
        del self.children[child]
        if self.run is not None:
            if counted and child.run is None:  # else its own close has counted it, for all above
                self.run.count(child, aborted)
            self.run.unawait(child)

    @property
    def key(self) -> Any:
        """By what the root finds this node: what stays the same for as long as it is there."""
        return id(self.thing)

    def known(self) -> Node | None:
        """The node that the thing of this one has already; ``None``: nobody owns it."""
        found: Node | None = self.root.find(self.key)
        return found

    def unnote(self) -> None:
        """Have the root forget by what it found this node."""
        owned, key = self.root.owned, self.key
        if owned.get(key) is self:
            del owned[key]

    def give_way_to(self, known: Node, name: str | None) -> Any:
        """
        Let the node that a thing has already take this one's place; this one never enters.

        So a thing that is owned twice is owned once, by the later owner. One that is being closed
        stays where it is.

        :param name: what the later owner calls it; ``None``: as the former one did.
        :returns: what to use from now on.
        :raises ResourceClosed: the later owner is closing or closed.
        :raises ResourceError: the thing is in another tree, or owns the later owner.
        """
        assert self.parent is not None
        self.parent.check_open()
        if known.root is not self.root:
            where = "process" if known.foreign() else "reactor"
            raise ResourceError(
                f"{known.label()} is owned already, in the tree of another {where}: close it there"
            )
        if known.state is OPEN:
            known.moved_to(self.parent)
            known.name = name or known.name
        self.state = CLOSED
        return self.thing

    def moved_to(self, parent: Node) -> None:
        """
        Hang this node under another parent of the same tree.

        :raises ResourceError: it owns that one.
        """
        if self.parent is parent:
            return
        above: Node | None = parent
        while above is not None:
            if above is self:
                raise ResourceError(f"{self.label()} owns {parent.label()}, which cannot own it")
            above = above.parent
        parent.adopt(self)
        if self.parent is not None and self.parent.children is not None:
            self.parent.children.pop(self, None)
        self.parent = parent

    def view(self) -> NodeView:
        """A frozen picture of this node and all below it."""
        return NodeView(
            kind=self.closer.kind,
            name=self.label(),
            age=self.reactor.seconds() - self.born,
            state=self.state,
            created_at=describe_site(self.site),
            children=tuple(child.view() for child in tuple(self.children or ())),
        )

    def _close_orphans(self) -> None:
        # The thing is gone before what it owned: a connection that the peer closed, say. The
        # children get the grace that they would have had; the node stays, and shows, until then.
        run = self.run or (self.parent and self.parent.run)
        if run:
            run.count(self, self.state is ABORTING)
        from txresource.closing import close_node
        from txresource.registry import GoneCloser

        self.closer = GoneCloser(self.closer.kind)
        close_node(self)
