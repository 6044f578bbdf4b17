"""More lives: of what takes care of a program, looks at its heap, and asserts."""

from __future__ import annotations

import sys
import weakref
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.freed_lives import life
from tests.unit.listening import ListeningClock
from tests.unit.test_monitor import snapshot
from tests.unit.test_snapshots import FakeChild, PipeClock
from txresource import (
    CareService,
    WeakLoopingCall,
)
from txresource.demo import ChatRoom, DemoService, Message, OneServer, Visitor, VisitorFactory
from txresource.errors import SnapshotRefused
from txresource.heap.edges import EdgeReader
from txresource.heap.fork import Ended
from txresource.heap.paths import Step
from txresource.heap.pathtree import PathTree
from txresource.heap.platforms import Way
from txresource.heap.roots import Root
from txresource.heap.stages import StageDecoder, encode_stage
from txresource.leaks.childreader import ChildReader
from txresource.leaks.growth import GrowthTracker
from txresource.leaks.monitor import LeakMonitor
from txresource.leaks.snapshots import SnapshotTaker
from txresource.signals import CareSignals
from txresource.testing import LeakAssertionsMixin
from txresource.testing.cycles import CycleCount
from txresource.testing.frames import RunningCode, Spot
from txresource.testing.holders import HolderSearch

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
    freed = [service, child, service._notifier]
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


@life
def paths(case: SynchronousTestCase) -> list[Any]:
    """A tree of the paths in a small heap."""
    reader = EdgeReader()
    held = reader.read(list, [[1]])
    tree = PathTree(reader)
    tree.grow([Root("list", [[1]])])
    case.assertEqual(len(held.items), 1)
    case.assertEqual([row.count for row in tree.rows()], [1, 1])
    return [reader, held, tree, Step("edge", "kind")]


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
