"""The reactor's side of a snapshot, with children that are none."""

from __future__ import annotations

import gc
import os
import signal
import weakref
from typing import Any

from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.main import CONNECTION_DONE
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txresource.errors import SnapshotRefused
from txresource.heap.fork import Ended
from txresource.heap.platforms import Way
from txresource.heap.stages import encode_stage
from txresource.leaks.childreader import ChildReader, how_it_ended
from txresource.leaks.snapshots import SnapshotStatistics, SnapshotTaker


@implementer(IReactorFDSet)
class PipeClock(Clock):
    """A clock that takes readers, as reactors do."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        """Take a reader."""
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        """Let a reader go, if it is here."""
        if reader in self.readers:
            self.readers.remove(reader)

    def addWriter(self, writer: Any) -> None:
        """Nobody writes."""

    removeWriter = addWriter

    def removeAll(self) -> list[Any]:
        """Let all go."""
        return []

    def getReaders(self) -> list[Any]:
        """Whoever reads."""
        return self.readers

    def getWriters(self) -> list[Any]:
        """Nobody."""
        return []

    def turn(self) -> None:
        """Let every reader read once, as a reactor would."""
        for reader in list(self.readers):
            why = reader.doRead()
            if why is not None:
                self.removeReader(reader)
                reader.connectionLost(Failure(why))


class FakeChild:
    """A child that is a pipe and an exit code that the test sets."""

    pid = 4711
    pause = hooks = 0.0

    def __init__(self) -> None:
        self.fd, self.writing = os.pipe()
        os.set_blocking(self.fd, False)
        self.kills = 0
        self.ended: Ended | None = None

    def kill(self) -> None:
        """Be killed; dies later."""
        self.kills += 1

    def reap(self) -> Ended | None:
        """Say how it ended."""
        return self.ended

    def finish(self, *stages: tuple[str, Any]) -> None:
        """Send stages and close the pipe."""
        for stage in stages:
            os.write(self.writing, encode_stage(*stage))
        os.close(self.writing)


class ReaderTests(SynchronousTestCase):
    """From the fork to the end of the child."""

    def setUp(self) -> None:
        """A reader over a child that is a pipe."""
        self.clock = PipeClock()
        self.child: Any = FakeChild()
        self.done: list[ChildReader] = []
        self.reader = ChildReader(self.clock, self.child, 60.0, self.done.append)

    def tearDown(self) -> None:
        """Nothing may be left behind: no timer, no reader, no descriptor."""
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.clock.readers, [])
        self.assertRaises(OSError, os.fstat, self.child.fd)
        self.assertEqual(self.done, [self.reader])

    def test_good_child(self) -> None:
        """A child that sends its snapshot and ends has it read, and no trouble."""
        self.child.ended = Ended(0)
        self.child.finish(("snapshot", b"heap"), ("end", {}))
        self.clock.turn()
        self.clock.turn()
        self.assertEqual(self.reader.stages, {"snapshot": b"heap", "end": {}})
        self.assertIsNone(self.reader.trouble)
        self.assertEqual((self.child.kills, self.reader.fileno()), (0, -1))

    def test_nothing_there(self) -> None:
        """A reader woken for nothing goes on reading."""
        self.assertIsNone(self.reader.doRead())
        self.assertEqual(self.reader.fileno(), self.child.fd)
        self.assertIn("reading", repr(self.reader))
        self.child.ended = Ended(0)
        self.child.finish(("snapshot", b""))
        self.assertIsNone(self.reader.doRead())
        self.assertIs(self.reader.doRead(), CONNECTION_DONE)
        self.reader.connectionLost(Failure(CONNECTION_DONE))

    def test_reaped_later(self) -> None:
        """A child that is not yet gone when its pipe ends is asked again until it is."""
        self.child.finish(("snapshot", b""))
        self.clock.turn()
        self.clock.turn()
        self.clock.pump([0.01] * 20)
        self.assertEqual(self.done, [])
        self.assertIn("reaping", repr(self.reader))
        self.child.ended = Ended(0)
        self.clock.advance(0.1)
        self.assertIn("over", repr(self.reader))

    def test_deadline(self) -> None:
        """A child that takes too long is killed, once, and said to have taken too long."""
        self.clock.advance(59.9)
        self.assertEqual(self.child.kills, 0)
        self.clock.advance(0.1)
        self.assertEqual(self.child.kills, 1)
        self.child.ended = Ended(-9)
        self.clock.advance(0.1)
        self.assertIn("60 s", self.reader.trouble or "")
        os.close(self.child.writing)

    def test_hangs_after_its_pipe(self) -> None:
        """A child that closes its pipe and does not end is killed at the deadline as well."""
        self.child.finish()
        self.clock.turn()
        self.clock.pump([0.5] * 119)
        self.assertEqual(self.child.kills, 0)
        self.clock.advance(1)
        self.assertEqual(self.child.kills, 1)
        self.child.ended = Ended(-9)
        self.clock.advance(0.1)

    def test_nonsense(self) -> None:
        """A child that sends nonsense is killed, and the trouble says so."""
        os.write(self.child.writing, b"nonsense, and enough of it")
        self.child.finish()
        self.clock.turn()
        self.assertEqual(self.child.kills, 1)
        self.child.ended = Ended(-9)
        self.clock.advance(0.1)
        self.assertIn("cannot be read", self.reader.trouble or "")

    def test_never_kills_the_reaped(self) -> None:
        """A child that has been reaped is not killed: its process id may be another's."""
        self.child.ended = Ended(None)
        self.reader.kill("for the test")
        self.assertEqual(self.child.kills, 0)
        os.close(self.child.writing)

    def test_freed(self) -> None:
        """A reader whose child is gone is freed by reference counting alone."""
        gc.disable()
        self.addCleanup(gc.enable)
        child: Any = FakeChild()
        child.ended = Ended(0)
        done: list[Any] = []
        reader = ChildReader(self.clock, child, 60.0, done.append)
        child.finish()
        reader.doRead()
        reader.connectionLost(Failure(CONNECTION_DONE))
        gone = weakref.ref(reader)
        done.clear()
        del reader
        self.assertIsNone(gone())
        self.test_never_kills_the_reaped()


class SentenceTests(SynchronousTestCase):
    """What is said of a child that brought nothing."""

    def test_sentences(self) -> None:
        """The signal is named; else the error's type; else that nothing came."""
        error = {"error": {"type": "MemoryError"}}
        self.assertIn("SIGKILL", how_it_ended(Ended(-signal.SIGKILL), error))
        self.assertIn("signal 63", how_it_ended(Ended(-63), {}))
        self.assertIn("MemoryError", how_it_ended(Ended(1), error))
        self.assertIn("without a snapshot", how_it_ended(Ended(None), {}))


class TakerTests(SynchronousTestCase):
    """What needs no child."""

    def test_unsupported(self) -> None:
        """An interpreter that cannot look refuses in its one sentence, and counts it."""
        taker = SnapshotTaker(Clock(), way=Way(False, "it cannot be done"))
        error = self.failureResultOf(taker.take(), SnapshotRefused).value
        self.assertEqual(str(error), "it cannot be done")
        self.assertEqual(taker.statistics(), SnapshotStatistics(0, 1, 0, 0.0))

    def test_reactor_without_pipes(self) -> None:
        """A reactor that reads no descriptors is refused, not met with an error."""
        self.failureResultOf(SnapshotTaker(Clock(), way=Way(True)).take(), SnapshotRefused)

    def test_no_room(self) -> None:
        """Where the memory is not there no child is forked, and the numbers are named."""
        root = self.mktemp()
        os.makedirs(f"{root}/proc")
        with open(f"{root}/proc/meminfo", "w") as file:
            file.write("MemAvailable: 2048 kB\n")
        clock = PipeClock()
        taker = SnapshotTaker(clock, root=root, way=Way(True))
        error = self.failureResultOf(taker.take(), SnapshotRefused).value
        self.assertIn("2 MiB", str(error))
        self.assertEqual((clock.readers, clock.getDelayedCalls()), ([], []))

    def test_in_process(self) -> None:
        """Without a fork the tracked objects are counted at once, and the pause is told."""
        taker = SnapshotTaker(Clock(), way=Way(False))
        snapshot = self.successResultOf(taker.take())
        self.assertFalse(snapshot.census.complete)
        self.assertGreater(snapshot.gc_objects, 1000)
        self.assertGreater(snapshot.pause, 0)
        self.assertEqual((snapshot.child_cpu, snapshot.child_memory), (0.0, None))
        self.assertEqual(taker.statistics(), SnapshotStatistics(1, 0, 0, snapshot.pause))

    def test_reopened(self) -> None:
        """After a close it can be opened again."""
        taker = SnapshotTaker(Clock(), way=Way(forks=False))
        self.successResultOf(taker.close())
        taker.reopen()
        self.assertGreater(self.successResultOf(taker.take()).census.objects, 1000)

    def test_closed(self) -> None:
        """A closed taker refuses; closing twice is as good as once."""
        taker = SnapshotTaker(Clock(), way=Way(False))
        self.successResultOf(taker.close())
        self.successResultOf(taker.close())
        self.failureResultOf(taker.take(), SnapshotRefused)
        self.assertIn("closed", repr(taker))
