"""Every public class is freed by reference counts alone, after its use and its end."""

from __future__ import annotations

import dataclasses
import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

from twisted.application.internet import ClientService
from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.python import usage
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import HTTPConnectionPool
from zope.interface.interface import InterfaceClass

import txresource
from tests.unit.listening import ListeningClock
from tests.unit.test_closers_webclient import Servers
from tests.unit.test_monitor import snapshot
from tests.unit.test_snapshots import FakeChild, PipeClock
from txresource import (
    CareService,
    ManagedFactoryMixin,
    ManagedProtocolMixin,
    ManagedServiceMixin,
    Scope,
    WeakLoopingCall,
    root_scope,
)
from txresource.closers.goodbye import DrainPolicy
from txresource.closers.webclient import OwnedEndpoint
from txresource.demo import ChatRoom, DemoService, Message, OneServer, Visitor, VisitorFactory
from txresource.errors import CloseFromInside, ResourceInterrupted, SnapshotRefused
from txresource.heap.fork import Ended
from txresource.heap.platforms import Way
from txresource.heap.stages import StageDecoder, encode_stage
from txresource.leaks.childreader import ChildReader
from txresource.leaks.growth import GrowthTracker
from txresource.leaks.monitor import LeakMonitor
from txresource.leaks.snapshots import SnapshotTaker
from txresource.registry import BaseCloser
from txresource.signals import CareSignals
from txresource.tap import Options
from txresource.testing import LeakAssertionsMixin
from txresource.testing.cycles import CycleCount
from txresource.testing.frames import RunningCode, Spot
from txresource.testing.holders import HolderSearch

HANG = 30.0
#: Makes things, uses and ends them; what it returns, in lists of lists, must be freed then.
Life = Callable[[SynchronousTestCase], list[Any]]
LIVES: list[Life] = []


def life(function: Life) -> Life:
    """Have it tested that the things are freed which a function returns."""
    LIVES.append(function)
    return function


#: What Twisted keeps in a cycle by itself: a test shows that without us it does.
TWISTED_CYCLES = {Options: usage.Options}


def excluded(cls: type) -> str | None:
    """Why a class needs no such test; ``None``: it needs one."""
    if cls in TWISTED_CYCLES:
        return "what it is made from is never freed without the collector"
    if isinstance(cls, InterfaceClass):
        return "an interface has no instances"
    if issubclass(cls, BaseException):
        return "an error lives as long as who handles it wants"
    if dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return "frozen data is not used up, and ends with its last reader"
    if issubclass(cls, BaseCloser | DrainPolicy) and cls.__init__ is object.__init__:
        return "there is one for the life of the process, in a registry, and it holds nothing"
    return None


def public_classes() -> set[type]:
    """The classes in the ``__all__`` of every module."""
    modules = walk_packages(txresource.__path__, "txresource.")
    homes = [import_module(m.name) for m in modules if not m.name.endswith("__main__")]
    found = [getattr(home, name) for home in homes for name in home.__all__]
    # By the type of it: until 3.11 a generic alias, such as list[int], passes for a class.
    return {each for each in found if issubclass(type(each), type | InterfaceClass)}


# -- the tree


@life
def scopes(case: SynchronousTestCase) -> list[Any]:
    """A scope with a child, a timer, a thing of the user's own and a service of it, closed."""
    clock = Clock()
    scope = Scope(clock, "brief")
    below = scope.child("below")
    timer = below.call_later(9, int)
    scope.own(object(), close=int)
    nodes: list[Any] = [scope._node.root, scope._node, below._node, *(below._node.children or ())]
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
    nodes = list(scope._node.children or ())
    work.callback(None)
    case.successResultOf(ended)
    closed = scope.close(grace=0)
    clock.advance(0)
    case.successResultOf(closed)
    case.failureResultOf(cut, ResourceInterrupted).trap(ResourceInterrupted)
    return [scope, nodes, work, cancelled, ended, cut]


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
    case.assertEqual(type(gone).__name__, "Gone")
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
    return [managed, scope, node, closer, collection]


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


# -- care, and what it is made of


@life
def care(case: SynchronousTestCase) -> list[Any]:
    """A program in care, and its signals."""
    reactor: Any = MemoryReactorClock()
    service = CareService(reactor, Service(), interval=0)
    service.startService()
    case.successResultOf(service.stopService())
    child = next(iter(service))
    service.removeService(child)  # a service and its parent hold each other
    reactor.triggers.clear()  # this one cannot remove any
    freed = [service, child]
    reactor.running = True
    signals = CareSignals(reactor, closing=bool, again=int, ask=int)
    signals.install()
    signals.remove()
    freed += [signals]
    return freed


@life
def demo(case: SynchronousTestCase) -> list[Any]:
    """The bundled service."""
    reactor: Any = MemoryReactorClock()
    service = DemoService(reactor)
    service.startService()
    reactor.advance(1)
    room, site = (server[1] for server in reactor.tcpServers)
    page = site.resource.children[b""]
    stopped = service.stopService()
    reactor.pump([1] * 12)
    case.successResultOf(stopped)
    for known in (reactor.tcpServers, reactor.tcpClients, reactor.connectors):
        known.clear()
    reactor.triggers.clear()
    return [service, room, site, page, OneServer(reactor, 1)]


@life
def chat(case: SynchronousTestCase) -> list[Any]:
    """The bundled service's chat, from both ends."""
    clock = ListeningClock()
    room = ChatRoom(clock, leak=True)
    visitors = VisitorFactory(clock)
    ports = [clock.listenTCP(0, factory) for factory in (room, visitors)]
    here, there = (port.accept() for port in ports)
    here.protocol.lineReceived(b"name")
    room.say(Message("name", "text"))
    case.assertIsInstance(there.protocol, Visitor)
    protocols = [here.protocol, there.protocol]
    here.loseConnection()
    there.loseConnection()
    for port in ports:
        port.stopListening()
    clock.advance(0)
    freed = [here, there, protocols]
    return [*freed, room, visitors]


# -- the heap


@life
def snapshots(case: SynchronousTestCase) -> list[Any]:
    """What takes snapshots, and what is made of them."""
    clock = PipeClock()
    taker = SnapshotTaker(clock, way=Way(False, "not here"))
    monitor = LeakMonitor(clock, interval=1.0, taker=taker)
    monitor.start()
    case.failureResultOf(taker.take(), SnapshotRefused)
    clock.advance(1)
    case.successResultOf(monitor.stop())
    freed = [monitor, taker]
    tracker = GrowthTracker()
    tracker.update(snapshot(app_Echo=1).census, 0.0)
    decoder = StageDecoder()
    decoder.feed(encode_stage("census", {}))
    freed += [tracker, decoder]
    child: Any = FakeChild()
    child.ended = Ended(0)
    done: list[Any] = []
    reader = ChildReader(clock, child, 60.0, done.append)
    child.finish()
    while not done:
        clock.turn()
        clock.advance(1)
    done.clear()
    return [*freed, reader]


class Assertions(LeakAssertionsMixin):
    """Has the assertions; a case of trial's is itself in a cycle."""

    def fail(self, msg: object = None) -> Any:
        """Fail."""
        raise AssertionError(msg)

    def use(self) -> None:
        """Use them."""
        self.assertCollected(weakref.ref(Thing()))
        self.assertNoCycles(int)
        try:
            self.assertCollected(LASTING)
        except AssertionError:
            return
        raise AssertionError("not held?")


class Thing:
    """Something to look for."""


LASTING = Thing()


@life
def assertions(case: SynchronousTestCase) -> list[Any]:
    """What is asserted with."""
    user = Assertions()
    user.use()
    thing = Thing()
    search = HolderSearch(thing, user, sys._getframe())
    search.find()
    count = CycleCount()
    count.finish()
    freed = [user, search, thing, count]
    return [*freed, RunningCode(None, case), Spot("name", "function", "test")]


# -- timers


class Owner:
    """Has a loop."""

    def __init__(self, clock: Clock) -> None:
        self.loop = WeakLoopingCall(self.tick)
        self.loop.clock = clock
        self.done = self.loop.start(1)

    def tick(self) -> None:
        """Nothing."""


@life
def loops(case: SynchronousTestCase) -> list[Any]:
    """A loop that was stopped, and one whose owner went."""
    clock = Clock()
    owner = Owner(clock)
    clock.advance(1)
    owner.loop.stop()
    freed = [owner, owner.loop]
    owner = Owner(clock)
    loop = owner.loop
    del owner
    clock.advance(1)
    return [*freed, loop]


# -- the tests


def flat(things: Iterable[Any]) -> Iterator[Any]:
    """The things in lists of lists, each once."""
    seen: set[int] = set()
    for thing in things:
        for each in flat(thing) if isinstance(thing, list) else (thing,):
            if id(each) not in seen:
                seen.add(id(each))
                yield each


def still_held(things: list[Any]) -> list[str]:
    """Let go of things; the types of those that somebody else holds."""
    names = [type(thing).__qualname__ for thing in things]
    refs = [weakref.ref(thing) if has_weakrefs(thing) else None for thing in things]
    alone = sys.getrefcount([object()][0]) + 1
    # Those without weak references are watched by counts: each is let go of when only this list
    # holds it, and with it what it holds alone.
    slotted = [thing for thing in things if not has_weakrefs(thing)]
    things.clear()
    free = [0]
    while free:
        free = [i for i in range(len(slotted)) if sys.getrefcount(slotted[i]) == alone]
        for i in reversed(free):
            del slotted[i]
    held = [
        name for name, ref in zip(names, refs, strict=True) if ref is not None and ref() is not None
    ]
    return held + [type(thing).__qualname__ for thing in slotted]


def has_weakrefs(thing: Any) -> bool:
    """Whether there can be weak references to a thing."""
    return bool(type(thing).__weakrefoffset__)


class Slotted:
    """Has no weak references."""

    __slots__ = ("other",)


class FreedTests(SynchronousTestCase):
    """Each class, after its use and its end, with the collector off."""

    def setUp(self) -> None:
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)

    def test_every_class(self) -> None:
        """What was used and has ended is freed without the collector; no public class is left out."""
        tested: set[type] = set()
        for each in LIVES:
            things = list(flat(each(self)))
            gc.disable()
            tested |= {cls for thing in things for cls in type(thing).__mro__}
            self.assertEqual(still_held(things), [], each.__name__)
        untested = {cls for cls in public_classes() if excluded(cls) is None} - tested
        self.assertEqual(untested, set())

    def test_plain_cycles(self) -> None:
        """Plain: what is left out for a cycle of Twisted's is not freed without us either."""
        for cls, plain in TWISTED_CYCLES.items():
            self.assertTrue(issubclass(cls, plain))
            self.assertEqual(still_held([plain()]), [plain.__qualname__])

    def test_cycle_is_seen(self) -> None:
        """A thing in a cycle counts as held, with weak references and without; one alone does not."""
        for cls in (Thing, Slotted):
            alone, ring = cls(), cls()
            ring.other = [ring]  # type: ignore[union-attr]
            things = [alone, ring]
            del alone, ring
            self.assertEqual(still_held(things), [cls.__qualname__])
