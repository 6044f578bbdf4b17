"""The nodes of factories."""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger

from txresource.closers.network import CONNECTION, Connection, raw_transport
from txresource.closing import close_node
from txresource.limits import ConnectionLimit
from txresource.sites import Site
from txresource.tree import CLOSED, OPEN, Node, this_process, type_name

__all__ = (
    "FactoryNode",
    "ports",
)

log = Logger()

#: The slot, which the property of that name covers.
_children: Any = vars(Node)["children"]


class FactoryNode(Node):
    """
    The node of a factory; its ports and connections hang below it.

    :ivar transient: whether it leaves the tree when the factory has stopped and the last
        connection is gone.
    :ivar held: whether the factory is kept from stopping while it drains.
    :ivar warned: whether it was said that its connections are not known.
    :ivar limit: what counts its connections, once there is a limit.
    """

    __slots__ = ("held", "limit", "transient", "warned")

    def __init__(
        self,
        parent: Node,
        closer: Any,
        factory: Any,
        name: str | None,
        site: Site | None,
        transient: bool,
    ) -> None:
        super().__init__(parent, closer, factory, name, site)
        self.transient = transient
        self.held = self.warned = False
        self.limit: ConnectionLimit | None = None

    @property
    def children(self) -> dict[Node, None] | None:
        """Its ports and connections; those that have arrived unseen get their nodes now."""
        if self.root.arrivals:
            self.root.settle()
        children: dict[Node, None] | None = _children.__get__(self)
        return children

    @children.setter
    def children(self, children: dict[Node, None] | None) -> None:
        _children.__set__(self, children)

    def arrive(self, protocol: Any, transport: Any) -> int | None:
        """
        Note a new connection.

        :returns: its key; ``None``: nothing is noted, it needs a node at once or comes too late.
        """
        root, key = self.root, id(raw_transport(transport))
        if (
            self.state is not OPEN
            or root.pid != this_process()
            or root.lingering
            or self.limit is not None
            or key in root.arrivals
            or key in root.owned
        ):
            return None
        root.arrivals[key] = self, protocol, transport, root.reactor.seconds()
        return key

    def settle(self, key: int, protocol: Any, transport: Any, born: float) -> None:
        """Make the node of a connection that was noted."""
        node = Connection(self, CONNECTION, protocol, transport, None, key)
        node.born = born
        self.hang(node)

    def end(self, key: int, protocol: Any) -> None:
        """Note that a connection is gone that was noted; it may have a node by now."""
        root = self.root
        arrived = root.arrivals.get(key)
        if arrived is not None and arrived[1] is protocol:
            del root.arrivals[key]
            if not getattr(self.thing, "numPorts", True):
                self.check_stopped()
        elif key in root.owned and root.owned[key].thing is protocol:
            root.owned[key].ended()

    def connection(self, key: int, protocol: Any) -> Node:
        """The node of a connection that was noted; one that is closed where it is gone."""
        node: Node | None = self.root.node_of(key)
        if node is None or node.thing is not protocol:
            node = Connection(self, CONNECTION, None, None, None, key)
            node.state = CLOSED
        return node

    def warn_of_slots(self, thing: Any) -> None:
        """Say, once, that a factory or what it builds cannot be taken into care."""
        if not self.warned:
            log.warn("not in care, it has no __dict__: {what}", what=type_name(type(thing)))
        self.warned = True

    def give_way_to(self, known: Node, name: str | None) -> Any:
        """A factory that is given to a scope stays in it."""
        factory = super().give_way_to(known, name)
        assert isinstance(known, FactoryNode)
        known.transient = False
        return factory

    def refuses(self, most: int) -> bool:
        """
        Say whether one more connection is one too many.

        :param most: how many there may be.
        """
        if self.limit is None:
            self.limit = ConnectionLimit(self)
        return self.limit.refuses(most)

    def lost(self, child: Node, aborted: bool, counted: bool = True) -> None:
        """Let go of a port or connection; of the last one, and the factory may go too."""
        super().lost(child, aborted, counted)
        self.check_stopped()

    def check_stopped(self) -> None:
        """Close what is left when the factory has stopped and its last connection is gone."""
        if not self.transient or self.state is not OPEN or ports(self.thing) != 0:
            return
        if not any(child.closer.kind in ("port", "connection") for child in self.children or ()):
            close_node(self)


def ports(factory: Any) -> int | None:
    """How many ports and connectors keep a factory started; ``None`` where it does not count."""
    count: int | None = getattr(factory, "numPorts", None)
    return count
