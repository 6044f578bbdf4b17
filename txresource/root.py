"""The nodes of scopes, and the root of each reactor's tree, with the one shutdown trigger."""

from __future__ import annotations

from typing import Any
from weakref import ReferenceType, WeakValueDictionary, ref

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txresource.arguments import check_reactor, check_seconds
from txresource.closing import close_node
from txresource.errors import ResourceClosed
from txresource.progress import Progress
from txresource.registry import BaseCloser
from txresource.sites import Site
from txresource.tree import OPEN, Node, this_process

__all__ = (
    "Root",
    "ScopeCloser",
    "ScopeNode",
    "check_grace",
    "check_linger",
    "root_node",
)

log = Logger()

_WRITE = 'write Scope(reactor, "name"), or parent.child("name") below another scope'


class ScopeCloser(BaseCloser):
    """A scope holds other things and is nothing to close itself."""

    kind = "scope"
    counted = False

    def abort(self, node: Node) -> bool:
        """Nothing to force."""
        node.ended()
        return True


_SCOPE = ScopeCloser()


def check_grace(seconds: float | None) -> float | None:
    """
    Refuse what cannot be the grace of a scope.

    :returns: what was given.
    :raises TypeError: it is not a number.
    :raises ValueError: it is below zero, endless or not a number.
    """
    check_seconds("grace", seconds, "all that the parent has left")
    return seconds


def check_linger(linger: float, grace: float | None) -> None:
    """
    Refuse a linger that would leave no time to drain.

    :raises TypeError: it is not a number.
    :raises ValueError: it is below zero, or not less than the grace.
    """
    check_seconds("linger", linger)
    if linger and grace is not None and linger >= grace:
        raise ValueError(
            f"linger is a part of the grace: less than {grace:g} seconds, not {linger:g}"
        )


class ScopeNode(Node):
    """The node behind a scope that somebody made; it lives in the tree, the handle does not."""

    __slots__ = ("grace", "linger")

    noted = False

    def __init__(
        self,
        parent: Node,
        name: str,
        grace: float | None,
        site: Site | None,
        linger: float = 0.0,
    ) -> None:
        check_linger(linger, check_grace(grace))
        super().__init__(parent, _SCOPE, None, name, site)
        self.grace = grace
        self.linger = linger


class Root(Node):
    """
    The root of a reactor's tree.

    It has its shutdown trigger only while it owns something, so that a program that closed all
    leaves no trace in the reactor.
    """

    __slots__ = (
        "_trigger",
        "arrivals",
        "grace",
        "linger",
        "lingering",
        "owned",
        "pid",
        "progress",
        "reactor",
        "stopping",
    )

    noted = False

    def __init__(self, reactor: Any) -> None:
        check_reactor(reactor, _WRITE)
        #: The reactor that this tree belongs to; in place of the property of other nodes.
        self.reactor: Any = reactor
        self._trigger: Any = None
        self.stopping = False
        #: How many closes linger, so that a new connection need not ask all above it.
        self.lingering = 0
        #: The process that opened what is open, which is the one in which the reactor runs: twistd
        #: forks between the two. ``None``: nothing is open; 0: the reactor has not started yet.
        self.pid: int | None = None
        #: Nodes by :meth:`~txresource.tree.Node.key`: each thing is owned once.
        self.owned: dict[Any, Node] = {}
        #: What is in the tree and has no node so far, for nobody has looked: most connections come
        #: and go unseen, and an entry costs a fraction of a node. By key: the node of the owner,
        #: the thing, and what else the owner's ``settle`` takes.
        self.arrivals: dict[Any, tuple[Any, ...]] = {}
        #: What the close of this tree says in the log.
        self.progress = Progress(self)
        super().__init__(None, _SCOPE, None, "reactor", None)
        self.grace = 5.0
        self.linger = 0.0

    @property
    def root(self) -> Root:
        """This node; not kept, for that would be a cycle."""
        return self

    def settle(self) -> None:
        """
        Make the nodes of all that has arrived, whichever of them is looked for: so they stand in
        the tree in the order in which they came.
        """
        arrivals, self.arrivals = self.arrivals, {}
        for key, (owner, *rest) in arrivals.items():
            owner.settle(key, *rest)

    def node_of(self, key: Any) -> Node | None:
        """The node with this key in this tree; ``None``: there is none."""
        if key in self.arrivals:
            self.settle()
        return self.owned.get(key)

    def find(self, key: Any) -> Node | None:
        """The node with this key, in this tree or in another reactor's; ``None``: there is none."""
        found = self.node_of(key)
        if found is None and len(_roots) > 1:
            found = next(filter(None, (root.node_of(key) for root in _roots.values())), None)
        return found

    def take_process(self) -> None:
        """Note which process opens things; once, and again when the reactor starts."""
        reactor = self.reactor
        if getattr(reactor, "running", True) or getattr(reactor, "_startedBefore", False):
            self.pid = this_process()
        elif hasattr(reactor, "callWhenRunning"):
            self.pid = 0
            reactor.callWhenRunning(_started, ref(self))

    def check_open(self) -> None:
        """
        Refuse what comes when it is too late.

        :raises ResourceClosed: the reactor is stopping.
        """
        if self.stopping and not self.lingers():
            raise ResourceClosed("the reactor is stopping: nothing new can be opened")
        super().check_open()

    def adopt(self, child: Node) -> None:
        """Take a new child; the first one brings the trigger."""
        super().adopt(child)
        if self._trigger is None and hasattr(self.reactor, "addSystemEventTrigger"):
            self._trigger = self.reactor.addSystemEventTrigger("before", "shutdown", self.shutdown)

    def lost(self, child: Node, aborted: bool, counted: bool = True) -> None:
        """Let go of a child; the last one takes the trigger with it."""
        super().lost(child, aborted, counted)
        if not self.children:
            self.pid = None
        if not self.children and self._trigger is not None:
            trigger, self._trigger = self._trigger, None
            self.reactor.removeSystemEventTrigger(trigger)

    def tell(self) -> None:
        """Say what is open, when all of it is known and nothing has been told; then tell."""
        try:
            self.progress.begin()
        except Exception:
            log.failure("the log cannot be told what is open")
        super().tell()

    def leave(self, counted: bool = True) -> None:
        """Be closed, and say what could not be."""
        super().leave(counted)
        self.progress.end()

    def shutdown(self) -> Deferred[None]:
        """
        Close all, because the reactor stops.

        :returns: a Deferred that fires with ``None`` within grace + 1.5 s; errors have been logged.
        """
        if self.foreign():
            return close_node(self).waiter()
        self.stopping = True
        # Until the reactor is done, this root stays, to refuse what would open now.
        self._trigger = None
        self.reactor.addSystemEventTrigger("after", "shutdown", lambda: self)
        return (
            close_node(self, by="the shutdown of the reactor").waiter().addErrback(lambda _: None)
        )


def _started(known: ReferenceType[Root]) -> None:
    root = known()
    if root is not None:
        root.pid = this_process()


_roots: WeakValueDictionary[int, Root] = WeakValueDictionary()


def root_node(reactor: Any) -> Root:
    """
    The root of this reactor's tree.

    The root keeps the reactor, its children keep the root, and so does the trigger; nothing else
    does: a clock that a test made is freed with its tree. A root that was closed while the
    reactor goes on makes way for a new one, and so does that of the process that this one was
    forked from.
    """
    root = _roots.get(id(reactor))
    closed = root is not None and root.state is not OPEN and not root.stopping
    if root is None or root.foreign() or (closed and root.run.finished):  # type: ignore[union-attr]
        root = _roots[id(reactor)] = Root(reactor)
    return root
