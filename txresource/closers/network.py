"""Closers of listening ports and of connections."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure

from txresource.closers.goodbye import DrainPolicy, find_policy
from txresource.registry import BaseCloser, register_closer, unhook
from txresource.sites import Site
from txresource.tree import DRAINING, OPEN, WATCHED, Node, type_name

__all__ = (
    "BACKLOG",
    "CONNECTION",
    "Connection",
    "ConnectionCloser",
    "FIRST_WORD",
    "PolicyCloser",
    "PortCloser",
    "application_ends",
    "connected",
    "raw_transport",
    "watch",
)

log = Logger()

#: Connections that are taken from a backlog at most: more than a kernel keeps, unless told to.
BACKLOG = 4096
#: Seconds from its begin in which a connection may still ask for the first time while all drains.
FIRST_WORD = 1.0


class PortCloser(BaseCloser):
    """A listening port: stops to listen in the drain pass, before anything else is closed."""

    kind = "port"
    lossless = True

    def attach(self, node: Node) -> Any:
        """Note when it stops to listen, whoever told it to."""
        port = node.thing
        if not hasattr(port, "connectionLost"):  # not in IListeningPort: then only its own end
            return port
        if getattr(port, "disconnected", False) and not port.connected:
            node.ended()
            return port
        port.connectionLost = partial(_port_lost, node, port.connectionLost)
        # Twisted's own second call, in the turn of the first one, breaks the port.
        port.stopListening = partial(_stop_listening_once, port, port.stopListening)
        return port

    def accept(self, node: Node) -> None:
        """
        Take in the connections that wait in the backlog: stopping would reset them.

        Those of a socket that was handed over stay in it, for the process that has it next.
        """
        port = node.thing
        if _handed_over(port):
            return
        if getattr(port, "numberAccepts", 0) and getattr(port, "connected", False):
            port.numberAccepts = BACKLOG
            port.doRead()

    def drain(self, node: Node) -> bool:
        """Stop to listen; connections are refused from now on."""
        return self.abort(node)

    def close(self, node: Node) -> Any:
        """Stop to listen."""
        self.abort(node)
        return WATCHED

    def abort(self, node: Node) -> bool:
        """Stop to listen; the reactor's next turn closes the socket."""
        # A port that had stopped before it was owned has no connectionLost to come.
        maybeDeferred(node.thing.stopListening).addBoth(_port_stopped, node)
        return True


def _handed_over(port: Any) -> bool:
    """Whether other processes may listen on the very socket of a port: then it lives on."""
    if getattr(port, "_shouldShutdown", True):  # no public name tells of adoptStreamPort
        return False
    # Under SO_REUSEPORT each process has a socket, and a backlog, of its own.
    reuse = getattr(socket, "SO_REUSEPORT", None)
    return reuse is None or not port.socket.getsockopt(socket.SOL_SOCKET, reuse)


def _port_stopped(result: Any, node: Node) -> None:
    if isinstance(result, Failure):
        log.failure("{what} failed to stop listening", result, what=node)
    node.ended()


def _port_lost(node: Node, connection_lost: Any, *args: Any, **kwargs: Any) -> Any:
    port = node.thing  # taken first: who waits for the port is told before this returns
    try:
        return connection_lost(*args, **kwargs)
    finally:
        node.ended()
        if port is not None:
            unhook(port, "connectionLost", "stopListening")


def _stop_listening_once(port: Any, stop_listening: Any) -> Deferred[None]:
    waiting: Deferred[None] = Deferred()
    joined = vars(port).setdefault("_txresource_stopping", [])
    joined.append(waiting)
    if len(joined) == 1:

        def stopped(result: Any) -> None:
            del port._txresource_stopping
            for each in joined:
                each.callback(result)

        maybeDeferred(stop_listening).addBoth(stopped)
    return waiting


class Connection(Node):
    """
    The node of a connection. Its thing is the outermost protocol, as the factory built it.

    :ivar transport: what that protocol was connected to.
    :ivar key: tells the transport at the bottom, which all layers of a connection have in common.
    :ivar losing: whether ``connectionLost`` is running.
    :ivar told: the application's protocol that has said goodbye.
    :ivar limits: what counts it.
    """

    __slots__ = ("key", "limits", "losing", "told", "transport")

    def __init__(
        self,
        parent: Node,
        closer: Any,
        protocol: Any,
        transport: Any,
        site: Site | None,
        key: int | None = None,
    ) -> None:
        Node.__init__(self, parent, closer, protocol, None, site)
        self.transport = transport
        self.key = id(raw_transport(transport)) if key is None else key  # type: ignore[misc]
        self.losing = False
        self.told: Any = None
        self.limits: tuple[Any, ...] = ()

    def label(self) -> str:
        """The type of the protocol that the application sees."""
        if self.name is None and self.thing is not None:
            return type_name(type(application_ends(self.thing, self.transport)[0]))
        return self.name or "a connection"

    def leave(self, counted: bool = True) -> None:
        """Leave the tree, and let go of the transport."""
        Node.leave(self, counted)
        self.transport = self.told = None
        if self.limits:
            limits, self.limits = self.limits, ()
            for limit in limits:
                limit.gone()


class PolicyCloser(BaseCloser):
    """
    What is connected: goodbye in the drain pass; lost when it is not busy any more; aborted at the
    deadline.
    """

    kind = "connection"

    def ends(self, node: Node) -> tuple[Any, Any]:
        """The outermost protocol, next to the socket, and the transport it is connected to."""
        assert isinstance(node, Connection)
        # Not always the one that was built: TLS and WebSockets take its place.
        raw = raw_transport(node.transport)
        return getattr(raw, "protocol", None) or node.thing, raw

    def drain(self, node: Node) -> bool:
        """Say goodbye; an idle connection is lost by it."""
        protocol, transport = application_ends(*self.ends(node))
        return bool(find_policy(protocol).goodbye(protocol, transport))

    def busy(self, node: Node) -> bool:
        """Ask the protocol."""
        protocol, _ = application_ends(*self.ends(node))
        return bool(find_policy(protocol).busy(protocol))

    def close(self, node: Node) -> Any:
        """Lose it; what is written already is still sent."""
        protocol, transport = application_ends(*self.ends(node))
        find_policy(protocol).lose(protocol, transport)
        return WATCHED

    def abort(self, node: Node) -> bool:
        """
        Abort the raw transport; every layer above it hears ``connectionLost``.

        Not TLS's own ``abortConnection``, which raises after the connection is lost.
        """
        raw = raw_transport(self.ends(node)[1])
        (getattr(raw, "abortConnection", None) or raw.loseConnection)()
        return True


class ConnectionCloser(PolicyCloser):
    """A connection; one that has just begun may still ask for something when all drains."""

    def linger(self, node: Node) -> None:
        """Let the next answer be the last."""
        protocol, transport = application_ends(*self.ends(node))
        find_policy(protocol).linger(protocol, transport)

    def hear(self, node: Node) -> None:
        """Read what an idle connection has in its socket, and would be lost with it."""
        protocol, transport = application_ends(*self.ends(node))
        raw = raw_transport(transport)
        if not hasattr(raw, "doRead") or not find_policy(protocol).hear(protocol, transport):
            return
        try:
            raw.doRead()  # what it returns, that the peer is gone, the reactor sees as well
        except Exception:
            # As the reactor does with an error of the protocol: it ends the connection.
            log.failure("{what} failed to read", what=repr(node))
            raw.abortConnection()

    def drain(self, node: Node) -> bool:
        """Say goodbye; an idle connection is lost by it, but for one that has just begun."""
        assert isinstance(node, Connection)
        protocol, transport = application_ends(*self.ends(node))
        policy, node.told = find_policy(protocol), protocol
        if _expects(node, policy, protocol):
            policy.linger(protocol, transport)
            return False
        return bool(policy.goodbye(protocol, transport))

    def busy(self, node: Node) -> bool:
        """Ask the protocol; one that has come in the place of another is told goodbye as well."""
        assert isinstance(node, Connection)
        protocol, transport = application_ends(*self.ends(node))
        policy = find_policy(protocol)
        if node.state is DRAINING and node.told is not protocol:  # HTTP/2, by the first byte
            node.told = protocol
            policy.goodbye(protocol, transport)
        return bool(policy.busy(protocol)) or _expects(node, policy, protocol)


def _expects(node: Node, policy: DrainPolicy, protocol: Any) -> bool:
    new = node.reactor.seconds() - node.born < FIRST_WORD
    return bool(new and policy.expects(protocol))


def application_ends(protocol: Any, transport: Any) -> tuple[Any, Any]:
    """
    Find the protocol that the application wrote, and the transport that it sees.

    :param protocol: the outermost protocol, next to the socket; wrappers such as TLS follow.
    :param transport: what that protocol is connected to.
    """
    while True:
        if isinstance(protocol, ProtocolWrapper) and protocol.wrappedProtocol is not None:
            protocol, transport = protocol.wrappedProtocol, protocol
        elif hasattr(type(protocol), "_negotiatedProtocol") and hasattr(protocol, "_channel"):
            protocol = protocol._channel  # twisted.web's switch between HTTP/1.1 and HTTP/2
        else:
            return protocol, transport


def raw_transport(transport: Any) -> Any:
    """The transport at the bottom of a stack of protocol wrappers."""
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    return transport


CONNECTION = ConnectionCloser()


def watch(transport: Any, protocol: Any, ended: Callable[..., None], *args: Any) -> None:
    """
    Note the end of a connection at its raw transport, below all that may change above it: HTTP and
    TLS exchange protocols while a connection lives.

    For a transport without ``connectionLost`` its protocol is asked; where that has none either,
    nobody will tell.

    :param transport: the one at the bottom.
    :param ended: called, with all that follows, when the connection is gone.
    """
    for end in (transport, protocol):
        if hasattr(end, "connectionLost"):
            try:
                end.connectionLost = partial(_lost, ended, args, end, end.connectionLost)
            except AttributeError:
                continue  # it has slots
            return


def _lost(
    ended: Callable[..., None], known: tuple[Any, ...], end: Any, connection_lost: Any, *args: Any
) -> None:
    try:
        _tell_of_loss(end, connection_lost, args)
    finally:
        ended(*known)
        unhook(end, "connectionLost")


def _tell_of_loss(end: Any, connection_lost: Any, args: Any) -> None:
    try:
        connection_lost(*args)
    except Exception:
        if getattr(end, "producer", None) is None or not hasattr(end, "socket"):
            raise
        # Its producer could not be stopped, at which Twisted leaves the socket open and tells no
        # protocol. Without the producer it does both.
        log.failure("stopping {producer} failed", producer=type_name(type(end.producer)))
        end.producer = None
        end.connected = 1  # else a client takes it for an attempt that failed
        connection_lost(*args)


def connected(
    parent: Node, protocol: Any, transport: Any, *, takes_over: bool = False
) -> Connection:
    """
    Hang a new connection into the tree; once for each transport, however often it is told.

    :param takes_over: whether the connection moves here if it hangs elsewhere already.
    """
    root, key = parent.root, id(raw_transport(transport))
    node: Any = root.node_of(key)
    if node is None:
        node = Connection(parent, CONNECTION, protocol, transport, None, key)
        parent.adopt(node)
        if root.lingering and parent.lingers():
            CONNECTION.linger(node)
    elif takes_over and parent.state is OPEN and node.state is OPEN:
        node.moved_to(parent)
    if parent.limit is not None:
        parent.limit.take(node)
    return node


register_closer(IListeningPort, PortCloser())
