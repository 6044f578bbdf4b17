"""More lives: of what takes care of a program, looks at its heap, and asserts."""

from __future__ import annotations

import io
import sys
import weakref
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.freed_lives import life
from tests.unit.listening import ListeningClock
from tests.unit.monitor_case import snapshot
from tests.unit.test_snapshots import FakeChild, PipeClock
from txresource import (
    CareService,
    WeakLoopingCall,
)
from txresource.cli.fields import Fields
from txresource.cli.page import Ink, Page
from txresource.demo import ChatRoom, DemoService, Message, OneServer, Visitor, VisitorFactory
from txresource.errors import SnapshotRefused
from txresource.heap.census import Census
from txresource.heap.edges import EdgeReader
from txresource.heap.fork import Ended
from txresource.heap.kinds import Kinds
from txresource.heap.parts import PartFinder
from txresource.heap.paths import Step
from txresource.heap.pathtree import PathTree
from txresource.heap.platforms import Way
from txresource.heap.roots import Root
from txresource.heap.stages import StageDecoder, encode_stage
from txresource.heap.weights import weigh
from txresource.leaks.accounts import MemoryAccounts, account_of
from txresource.leaks.announcer import Announcer
from txresource.leaks.childreader import ChildReader
from txresource.leaks.comparing import ComparingLook
from txresource.leaks.frozen import FrozenHeap
from txresource.leaks.growth import GrowthHistory
from txresource.leaks.historyfiles import HistoryFolder
from txresource.leaks.ladder import Ladder, Series
from txresource.leaks.load import LoadMeter
from txresource.leaks.monitor import LeakMonitor
from txresource.leaks.snapshots import SnapshotTaker
from txresource.leaks.tallies import Tallies, Tally
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
    accounts = MemoryAccounts()
    accounts.update(account_of(snapshot(), None))
    decoder = StageDecoder()
    decoder.feed(encode_stage("census", {}))
    freed = [monitor, taker, accounts, decoder]
    freed += [Announcer(), ComparingLook(), HistoryFolder("/h"), LoadMeter(clock)]
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
    tree = PathTree(reader, [(Step("list", "list"),)])
    tree.grow([Root("list", [[1]])])
    groups = tree.grow_last()
    case.assertEqual(len(held.items), 1)
    case.assertEqual([row.count for row in tree.rows()], [1, 1])
    case.assertEqual(len(weigh(groups)), 1)
    finder = PartFinder(set())
    case.assertEqual(finder.take(".name", []), [])
    kinds = Kinds()
    return [reader, held, tree, Step("edge", "kind"), finder, kinds, kinds.of(list), *groups]


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
def growth(case: SynchronousTestCase) -> list[Any]:
    """A history of what grows, and the parts of one."""
    history = GrowthHistory()
    history.update(FrozenHeap(0.0, 1, None, 1, 1, 1, 1, (), Census((), 0, 0, 0, True)))
    again = GrowthHistory.decode(history.encode())
    ladder, series = Ladder(), Series(0)
    series.add(1, ladder.grow(0.0))
    return [history, again, ladder, Tallies(), Tally(Series(0), Series(0)), series]


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


@life
def command_line(case: SynchronousTestCase) -> list[Any]:
    """What a command reads with and writes to."""
    out = io.StringIO()
    page, fields = Page(out, colours=True), Fields({"memory": {"rss": 1}}, "the report")
    inner = fields.inner("memory")
    assert inner is not None
    page.line((f"{inner.number('rss')}", Ink.HEAD))
    case.assertEqual(out.getvalue(), "\x1b[1m1\x1b[0m\n")
    return [page, fields, inner, out]
