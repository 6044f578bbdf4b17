"""Mixins for protocols and factories, and the care of factories that nobody may edit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory

from txresource.arguments import check_base
from txresource.closers.attempts import begun_managed, watch_attempts
from txresource.closers.goodbye import find_policy, register_policy
from txresource.closers.live import LiveConnection, LiveConnections, live_connections
from txresource.closers.network import Connection, connected, raw_transport, watch
from txresource.errors import ResourceClosed, ResourceNotOpen
from txresource.factories import FactoryNode, ports
from txresource.hooks import hook_method, is_hook
from txresource.limits import Refused, limit_of
from txresource.policies import LONE_PROTOCOLS, ManagedPolicy, own_transport
from txresource.registry import BaseCloser, register_closer
from txresource.root import root_node
from txresource.scope import Scope
from txresource.sites import Site, caller_site
from txresource.tree import CLOSED, OPEN, Node

__all__ = (
    "FACTORY",
    "FactoryCloser",
    "ManagedFactoryMixin",
    "ManagedProtocolMixin",
    "installed_reactor",
)


def installed_reactor() -> Any:
    """The reactor that is installed; installs the default one if none is."""
    from twisted.internet import reactor

    return reactor


class FactoryCloser(BaseCloser):
    """
    A factory: its ports and connections are its children; it builds nothing more once it drains,
    and stays started until the last of them is gone (a ``Site`` closes its log when it stops).
    """

    kind = "factory"
    counted = False

    def node(self, parent: Node, thing: Any, name: str | None, site: Site | None) -> Node:
        """A factory that was given to a scope stays in it, whether it listens or not."""
        return FactoryNode(parent, self, thing, name, site, transient=False)

    def attach(self, node: Any) -> Any:
        """Know every connection from now on."""
        factory = node.thing
        if isinstance(factory, ManagedFactoryMixin):
            factory._node = node
        elif hasattr(factory, "__dict__"):
            factory.buildProtocol = partial(_build_owned, node, factory.buildProtocol)
            if not hasattr(factory, "liveConnections"):  # else it is something of its own
                factory.liveConnections = LiveConnections(node)
            watch_attempts(factory, node)
        else:
            node.warn_of_slots(factory)
        return factory

    def drain(self, node: Node) -> bool:
        """Keep it started."""
        if isinstance(node, FactoryNode) and ports(node.thing):
            node.thing.doStart()  # started already: it counts, here and in what it wraps
            node.held = True
        return False

    def close(self, node: Node) -> None:
        """Let it stop."""
        self.abort(node)

    def abort(self, node: Node) -> bool:
        """Let it stop."""
        factory = node.thing
        if isinstance(build := factory.buildProtocol, partial) and build.func is _build_owned:
            del factory.buildProtocol
            if isinstance(vars(factory).get("liveConnections"), LiveConnections):
                del factory.liveConnections
            vars(factory).pop("startedConnecting", None)
        if isinstance(node, FactoryNode) and node.held:
            node.held = False
            factory.doStop()
        node.ended()
        return True


FACTORY = FactoryCloser()


def _build(node: FactoryNode, build: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Build a protocol and expect its connection; none once the factory drains, or is full."""
    if node.state is not OPEN:
        return None
    most = limit_of(node.thing)
    if most is not None and node.refuses(most):
        return Refused()
    protocol = build(*args)
    if isinstance(protocol, ManagedProtocolMixin):
        protocol._owner = node
    elif protocol is not None:
        _expect(node, protocol, protocol.makeConnection)
    return protocol


def _build_owned(node: FactoryNode, build: Callable[..., Any], *args: Any) -> Any:
    return _build(node, build, args)


def _expect(node: FactoryNode, protocol: Any, make_connection: Any) -> None:
    # An override that calls up, and a factory that asks another one, come by here twice.
    if isinstance(make_connection, partial) and make_connection.func is _made:
        return
    try:
        protocol.makeConnection = partial(_made, node, protocol, make_connection)
    except AttributeError:
        node.warn_of_slots(protocol)


def _made(
    node: FactoryNode, protocol: Any, make_connection: Callable[[Any], None], transport: Any
) -> None:
    """Hang the connection of a protocol that nobody may edit into the tree."""
    del protocol.makeConnection
    raw = raw_transport(transport)
    key = node.arrive(protocol, transport)
    if key is not None:
        watch(raw, protocol, node.end, key, protocol)
        make_connection(transport)
        return
    try:
        connection = connected(node, protocol, transport)
    except ResourceClosed:
        try:
            make_connection(transport)
        finally:
            raw.abortConnection()
        return
    if connection.thing is protocol:
        watch(raw, protocol, connection.ended)
    make_connection(transport)


def _take(protocol: ManagedProtocolMixin, transport: Any) -> Node:
    """
    Hang the connection of a protocol into the tree.

    :raises ResourceClosed: the tree takes no more.
    """
    owner = protocol._owner
    if owner is None and isinstance(protocol, LONE_PROTOCOLS):
        return own_transport(_owner_of(protocol), transport)
    return connected(owner or _owner_of(protocol), protocol, transport, takes_over=True)


def _owner_of(protocol: ManagedProtocolMixin) -> Node:
    factory = getattr(protocol, "factory", None)
    if isinstance(factory, ManagedFactoryMixin):
        return factory._open_node()
    return root_node(protocol.reactor or installed_reactor())


def _make_managed(
    protocol: ManagedProtocolMixin, make_connection: Callable[..., Any], args: tuple[Any, ...]
) -> Any:
    owner, (transport,) = protocol._owner, args
    if owner is not None and protocol._arrived is None and protocol._known is None:
        protocol._arrived = owner.arrive(protocol, transport)
        if protocol._arrived is not None:
            return make_connection(transport)
    known = protocol._connection
    if known is not None and getattr(known, "transport", known.thing) is transport:
        return make_connection(transport)
    try:
        protocol._known = _take(protocol, transport)
        protocol._arrived, protocol._losing = None, False
    except ResourceClosed:
        try:
            return make_connection(transport)
        finally:
            if not isinstance(protocol, LONE_PROTOCOLS):
                raw_transport(transport).abortConnection()
    return make_connection(transport)


def _lose_managed(
    protocol: ManagedProtocolMixin, connection_lost: Callable[..., Any], args: tuple[Any, ...]
) -> Any:
    if protocol._losing:
        return connection_lost(*args)
    owner, key = protocol._owner, protocol._arrived
    if owner is not None and key is not None and key in owner.root.arrivals:
        protocol._losing = True
        try:
            return connection_lost(*args)
        finally:
            owner.end(key, protocol)
    connection = protocol._connection
    if not isinstance(connection, Connection) or connection.losing:
        return connection_lost(*args)
    connection.losing = True
    try:
        return connection_lost(*args)
    finally:
        connection.ended()


class ManagedProtocolMixin:
    """
    Mix into a ``Protocol``: the connection is in the ownership tree, and ``self.scope`` is its own.
    In a ``ProcessProtocol`` or ``DatagramProtocol``: the child process, or the socket.

    Holds in either order of bases, and when an override does not call up.

    :cvar reactor: ``None``: the installed one, looked up when first needed.
    """

    reactor: Any = None
    _owner: FactoryNode | None = None
    #: By which the root finds a connection that has arrived unseen.
    _arrived: int | None = None
    _losing = False
    _known: Node | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        hook_method(cls, "makeConnection", _make_managed)
        hook_method(cls, "connectionLost", _lose_managed)

    @property
    def scope(self) -> Scope:
        """
        The scope of this connection; what it owns ends with the connection.

        :raises ResourceNotOpen: there is no connection yet.
        """
        connection = self._connection
        if connection is None:
            check_base(self, "makeConnection", "ManagedProtocolMixin", "Protocol")
            raise ResourceNotOpen(f"{type(self).__qualname__} is not connected yet")
        return Scope._of(connection)

    @property
    def _connection(self) -> Node | None:
        """The node of the connection; made when it is asked for. ``None``: not connected yet."""
        if self._known is None and self._owner is not None and self._arrived is not None:
            self._known = self._owner.connection(self._arrived, self)
        return self._known

    def draining(self) -> None:
        """Say goodbye in this protocol; called once, when closing begins. Override it."""

    def busy(self) -> bool:
        """
        Say whether an answer is under way that should be let through. Override it.

        It is asked several times a second while the connection waits to be closed.
        """
        return find_policy(self, beyond=ManagedProtocolMixin).busy(self)

    if not TYPE_CHECKING:  # to a type checker they are those of the class it is mixed into

        @is_hook(_make_managed)
        def makeConnection(self, transport):
            return _make_managed(self, super().makeConnection, (transport,))

        @is_hook(_lose_managed)
        def connectionLost(self, *args, **kwargs):
            lost = super().connectionLost
            return _lose_managed(self, partial(lost, **kwargs) if kwargs else lost, args)


register_policy(ManagedProtocolMixin, ManagedPolicy(ManagedProtocolMixin))


def _build_managed(
    factory: ManagedFactoryMixin, build: Callable[..., Any], args: tuple[Any, ...]
) -> Any:
    node = factory._node
    try:
        if node is None or node.state is CLOSED:
            node = factory._open_node()
        return _build(node, build, args)
    except ResourceClosed:
        return None


def _stop_managed(
    factory: ManagedFactoryMixin, stop: Callable[..., Any], args: tuple[Any, ...]
) -> Any:
    try:
        return stop(*args)
    finally:
        if factory._node is not None:
            factory._node.check_stopped()


class ManagedFactoryMixin:
    """
    Mix into a ``Factory``: it knows its live connections, and closes them at shutdown.

    Holds in either order of bases, and when an override does not call up.

    :cvar reactor: ``None``: the installed one, looked up when first needed.
    :cvar maxConnections: how many connections it has at a time, at most: one more is closed at
        once. ``None``, or 0: as many as come. May be set on an instance, and at any time.
    """

    reactor: Any = None
    maxConnections: int | None = None
    _limit_name = "maxConnections"
    _node: FactoryNode | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        hook_method(cls, "buildProtocol", _build_managed)
        hook_method(cls, "startedConnecting", begun_managed)
        hook_method(cls, "doStop", _stop_managed)

    @property
    def scope(self) -> Scope:
        """
        The scope of this factory; it lives from its first use to the end of the factory and of
        its last connection.
        """
        return Scope._of(self._open_node())

    @property
    def liveConnections(self) -> tuple[LiveConnection, ...]:
        """The connections that are open, oldest first."""
        return () if self._node is None else live_connections(self._node)

    def _open_node(self) -> FactoryNode:
        node = self._node
        if node is None or node.state is CLOSED:
            check_base(self, "doStop", "ManagedFactoryMixin", "Factory")
            root = root_node(self.reactor or installed_reactor())
            node = FactoryNode(root, FACTORY, self, None, caller_site(), transient=True)
            root.adopt(node)
            self._node = node  # not one that was refused
        return node

    if not TYPE_CHECKING:  # as above

        @is_hook(_build_managed)
        def buildProtocol(self, addr):
            return _build_managed(self, super().buildProtocol, (addr,))


register_closer(Factory, FACTORY)
register_closer(IProtocolFactory, FACTORY)
