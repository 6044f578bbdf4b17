"""The lives of all public classes: each function makes some, uses them and ends them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from twisted.application.internet import ClientService
from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import HTTPConnectionPool

from tests.unit.listening import ListeningClock
from tests.unit.test_closers_webclient import Servers
from txresource import (
    ManagedFactoryMixin,
    ManagedProtocolMixin,
    ManagedServiceMixin,
    Scope,
    root_scope,
)
from txresource.closers.webclient import OwnedEndpoint
from txresource.errors import CloseFromInside, ResourceInterrupted
from txresource.policies import ManagedPolicy

HANG = 30.0
#: Makes things, uses and ends them; what it returns, in lists of lists, must be freed then.
Life = Callable[[SynchronousTestCase], list[Any]]
LIVES: list[Life] = []


def life(function: Life) -> Life:
    """Have it tested that the things are freed which a function returns."""
    LIVES.append(function)
    return function


# -- the tree


@life
def scopes(case: SynchronousTestCase) -> list[Any]:
    """A scope with a child, a timer, a thing of the user's own and a service of it, closed."""
    clock = Clock()
    scope = Scope(clock, "brief")
    below = scope.child("below")
    timer = below.call_later(9, int)
    scope.own(object(), close=int)
    root = scope._node.root
    nodes: list[Any] = [
        root,
        root.progress,
        scope._node,
        below._node,
        *(below._node.children or ()),
    ]
    nodes += scope._node.children or ()
    closers = [nodes[-1].closer]
    service = scope.as_service()
    service.startService()
    case.successResultOf(service.stopService())
    runs = [scope._node.run, below._node.run]
    outcomes = [run.outcome for run in runs if run is not None]
    return [scope, below, timer, service, closers, nodes, runs, outcomes, clock]


@life
def statistics(case: SynchronousTestCase) -> list[Any]:
    """A scope that was asked for what it holds, and waited for, and closed from inside."""
    scope = Scope(Clock(), "asked")
    scope.statistics()
    scope.tree()
    waiting = scope.closing()
    inside: list[Any] = []

    async def close() -> None:
        inside.append(scope.close())
        case.failureResultOf(inside[0], CloseFromInside)

    task = scope.start(close())
    case.assertEqual(scope.state, "closed")
    return [scope, waiting, task, inside.pop()]


@life
def tasks(case: SynchronousTestCase) -> list[Any]:
    """Tasks that ended, and one that the close cancelled while a coroutine waited."""
    clock = Clock()
    scope = Scope(clock, "tasks")

    async def wait(d: Deferred[Any]) -> Any:
        return await d

    work: Deferred[Any] = Deferred()
    cancelled: Deferred[Any] = Deferred()
    ended, cut = scope.start(wait(work)), scope.start(wait(cancelled))
    given = scope.own(Deferred()).addErrback(lambda _: None)
    nodes = list(scope._node.children or ())
    work.callback(None)
    case.successResultOf(ended)
    closed = scope.close(grace=0)
    clock.advance(0)
    case.successResultOf(closed)
    case.failureResultOf(cut, ResourceInterrupted).trap(ResourceInterrupted)
    return [scope, nodes, work, cancelled, ended, cut, given]


@life
def orphans(case: SynchronousTestCase) -> list[Any]:
    """A connection that was lost before what it owned, whose end is waited for."""
    clock = ListeningClock()
    factory = Factory.forProtocol(Managed)
    factory.reactor = clock  # type: ignore[attr-defined]
    root_scope(clock).own(factory)
    wire = clock.listenTCP(0, factory).accept()
    owned = wire.protocol.scope.start(Deferred())
    node = wire.protocol.scope._node
    wire.loseConnection()
    clock.advance(0)
    gone = node.closer
    case.assertEqual(type(gone).__name__, "GoneCloser")
    clock.pump([1] * 9)
    case.failureResultOf(owned, ResourceInterrupted).trap(ResourceInterrupted)
    return [node, gone, wire, owned]


# -- closers that are made for one thing, and nodes of their own


@life
def threads(case: SynchronousTestCase) -> list[Any]:
    """A thread pool that was closed."""
    clock = Clock()
    scope = Scope(clock, "threads")
    pool = scope.own(ThreadPool(0, 1))
    nodes = list(scope._node.children or ())
    pool.start()
    done = threading.Event()
    pool.callInThread(done.set)
    case.assertTrue(done.wait(HANG))
    closed = scope.close()
    while not closed.called:
        for thread in pool.threads:
            thread.join(HANG)
        clock.advance(0.05)
    return [nodes, scope]  # not the pool: it is in a cycle of Twisted's


class Managing(ManagedServiceMixin, Service):
    """A managed service."""


@life
def services(case: SynchronousTestCase) -> list[Any]:
    """A managed service, and collections of plain ones, stopped."""

    clock = Clock()
    managed = Managing()
    managed.reactor = clock
    managed.startService()
    managed.scope.call_later(9, int)
    case.successResultOf(managed.stopService())
    above = root_scope(clock)
    again = Managing()
    again.reactor = clock
    again.startService()
    scoped = again.scope._node
    stops: Deferred[None] = Deferred()
    again.__dict__["stopService"] = lambda: stops
    closed = above.close()
    places = list(scoped.children or ())
    stops.callback(None)
    case.successResultOf(closed)
    scope = Scope(clock, "services")
    collection = MultiService()
    Service().setServiceParent(collection)
    collection.startService()
    scope.own(collection)
    (node,) = scope._node.children or ()
    node.closer.reveal(node)
    closer = node.closer
    case.assertEqual(type(closer).__name__, "CollectionCloser")
    case.successResultOf(scope.close())
    collection.removeService(next(iter(collection)))  # a service and its parent hold each other
    return [managed, again, places, scope, node, closer, collection]


@life
def client_services(case: SynchronousTestCase) -> list[Any]:
    """A client service that was connected."""
    clock = Clock()
    scope = Scope(clock, "clients")
    servers = Servers(clock)
    service = ClientService(servers, Factory.forProtocol(Protocol), clock=clock)
    service.startService()
    scope.own(service)
    nodes = list(scope._node.children or ())
    closed = scope.close()
    clock.advance(0)
    case.successResultOf(closed)
    return [nodes, scope]  # not the service: it is in a cycle of Twisted's


@life
def pools(case: SynchronousTestCase) -> list[Any]:
    """A pool of client connections, with the endpoint that it was given."""
    clock = Clock()
    scope, servers = Scope(clock, "pool"), Servers(clock)
    pool = scope.own(HTTPConnectionPool(clock))
    (node,) = scope._node.children or ()
    endpoint = OwnedEndpoint(node, servers)
    client = case.successResultOf(endpoint.connect(Factory.forProtocol(Protocol)))
    connections = list(node.children or ())
    closed = scope.close()
    clock.advance(0)
    case.successResultOf(closed)
    return [scope, node, endpoint, pool, client, connections]


# -- connections


class Managed(ManagedProtocolMixin, Protocol):
    """A managed protocol."""


class ManagedFactory(ManagedFactoryMixin, Factory):
    """A managed factory."""

    protocol = Managed


@life
def connections(case: SynchronousTestCase) -> list[Any]:
    """A factory with a connection that is lost, and one that the close of its owner ends."""
    clock = ListeningClock()
    factory = ManagedFactory()
    factory.reactor = clock
    scope = Scope(clock, "connections")
    scope.own(factory)
    port = scope.own(clock.listenTCP(0, factory))
    node = factory.scope._node
    wires = [port.accept(), port.accept()]
    protocols = [wire.protocol for wire in wires]
    connections = list(node.children or ())
    for protocol in protocols:
        protocol.scope.call_later(9, int)
    case.assertEqual(len(factory.liveConnections), 2)
    wires[0].loseConnection()
    clock.advance(0)
    closed = scope.close()
    clock.pump([0, 0])
    case.successResultOf(closed)
    return [scope, factory, node, port, wires, protocols, connections]


@life
def limits(case: SynchronousTestCase) -> list[Any]:
    """A factory with a limit, a connection that is one too many, and the end of both."""
    clock = ListeningClock()
    factory = ManagedFactory()
    factory.reactor = clock
    factory.maxConnections = 1
    scope = Scope(clock, "limits")
    scope.own(factory)
    port = scope.own(clock.listenTCP(0, factory))
    node: Any = factory.scope._node
    wires = [port.accept(), port.accept()]
    protocols = [wire.protocol for wire in wires]
    limit, policy = node.limit, ManagedPolicy(ManagedProtocolMixin)
    case.assertFalse(policy.busy(protocols[0]))
    closed = scope.close()
    clock.pump([0, 0])
    case.successResultOf(closed)
    return [scope, factory, node, port, wires, protocols, limit, policy]


@life
def owned_factory(case: SynchronousTestCase) -> list[Any]:
    """A factory that nobody may edit, which tells of its connections until its owner closes."""
    clock = ListeningClock()
    factory: Any = Factory.forProtocol(Protocol)
    scope = Scope(clock, "owner")
    scope.own(factory)
    wire = clock.listenTCP(0, factory).accept()
    live = factory.liveConnections
    case.assertEqual(len(live), 1)
    closed = scope.close()
    wire.loseConnection()
    clock.pump([0, 0])
    case.successResultOf(closed)
    return [scope, factory, live]
