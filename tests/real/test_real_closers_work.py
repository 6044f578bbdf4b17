"""Real processes, threads and databases in a scope; beside each claim its plain twin."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from threading import Event, Timer
from typing import Any

from twisted.enterprise import adbapi
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread, deferToThreadPool
from twisted.python.threadpool import ThreadPool

from tests.real.apart import apart
from tests.real.children import HANG, Program
from tests.real.closer_case import GRACE, CloserCase
from txresource import Scope
from txresource.errors import ResourceClosed, ResourceInterrupted

testSuite = apart(__name__)

STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, b"ready")
time.sleep(600)
"""
LAST_WORDS = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(os.write(1, b"bye") - 3))
os.write(1, b"ready ")
signal.pause()
"""
COUNTING = """
import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, b"ready ")
print(len(sys.stdin.read()))
"""
#: Spawns that child, then stops by itself; its argument says whether a scope owns it.
PARENT = f"""
import sys
from twisted.internet import reactor
from twisted.internet.protocol import ProcessProtocol
from txresource import root_scope

class Child(ProcessProtocol):
    def childDataReceived(self, fd, data):
        print("child", self.transport.pid, flush=True)
        reactor.stop()

def start():
    child = reactor.spawnProcess(Child(), sys.executable, [sys.executable, "-c", {STUBBORN!r}])
    if sys.argv[1] == "owned":
        scope = root_scope(reactor)
        scope.grace = {GRACE}
        scope.own(child)

reactor.callWhenRunning(start)
reactor.run()
"""


class Child(ProcessProtocol):
    """Tells when its process has begun, and when it has ended."""

    def __init__(self) -> None:
        self.began: Deferred[None] = Deferred()
        self.ended: Deferred[Any] = Deferred()
        self.output = b""

    def outReceived(self, data: bytes) -> None:
        self.output += data
        if not self.began.called:
            self.began.callback(None)

    def processEnded(self, reason: Any) -> None:
        self.ended.callback(reason.value)


class ProcessTests(CloserCase):
    """Child processes."""

    def spawn(self, *command: str, **how: Any) -> tuple[Child, Any]:
        child = Child()
        return child, reactor.spawnProcess(child, command[0], command, env=os.environ, **how)

    def assertReaped(self, pid: int) -> None:
        """Neither does it run nor is it a zombie."""
        self.assertRaises(ChildProcessError, os.waitpid, pid, os.WNOHANG)
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)

    @inlineCallbacks
    def test_ignores_TERM(self) -> Any:
        """A child that ignores TERM is killed, and reaped, in time; by a terminal, too."""
        for how in ({}, {"usePTY": True}):
            self.scope = Scope(reactor, "again", grace=GRACE)
            child, transport = self.spawn(sys.executable, "-c", STUBBORN, **how)
            pid = transport.pid
            yield child.began
            self.scope.own(transport)
            yield self.close_in_time()
            self.assertReaped(pid)
            reason = yield child.ended
            self.assertEqual(reason.signal, signal.SIGKILL)
            self.assertEqual(self.abandoned(), [])

    @inlineCallbacks
    def test_plain_ignores_TERM(self) -> Any:
        """Plain: told by TERM and by the end of its input, it runs on."""
        child, transport = self.spawn(sys.executable, "-c", STUBBORN)
        yield child.began
        transport.signalProcess("TERM")
        yield self.lose(transport)
        os.kill(transport.pid, 0)
        transport.signalProcess("KILL")
        yield child.ended

    @inlineCallbacks
    def output(self, code: str, end: Callable[[Any], Any], written: bytes = b"") -> Any:
        """What a program has said when it was written to, was ended, and is gone."""
        child, transport = self.spawn(sys.executable, "-c", code)
        yield child.began
        transport.write(written)
        yield end(transport)
        yield child.ended
        return child.output

    def patient(self, process: Any) -> Any:
        """End a process by the scope."""
        self.scope._node.grace = HANG
        self.scope.own(process)
        return self.scope.close()

    @staticmethod
    def tell(process: Any) -> None:
        """End a process by what it has itself."""
        process.signalProcess("TERM")
        process.loseConnection()

    @inlineCallbacks
    def test_last_words(self) -> Any:
        """A child that goes when it is told has time for its last words."""
        self.assertEqual((yield self.output(LAST_WORDS, self.patient)), b"ready bye")

    @inlineCallbacks
    def test_plain_last_words(self) -> Any:
        """Plain: ``loseConnection`` hears them no more."""
        self.assertEqual((yield self.output(LAST_WORDS, self.tell)), b"ready ")

    @inlineCallbacks
    def test_reads_its_input(self) -> Any:
        """What was written to a child before the close reaches it, and the end of its input does."""
        output = yield self.output(COUNTING, self.patient, b"x" * 1_000_000)
        self.assertEqual(output, b"ready 1000000\n")

    @inlineCallbacks
    def test_plain_reads_its_input(self) -> Any:
        """Plain: what it makes of it is lost with ``loseConnection``."""
        output = yield self.output(COUNTING, self.tell, b"x" * 1_000_000)
        self.assertEqual(output, b"ready ")

    @inlineCallbacks
    def test_gone_already(self) -> Any:
        """A child that has gone leaves the tree, or never enters it; its input may be closed."""
        child, transport = self.spawn("/bin/cat")
        self.scope.own(transport)
        transport.closeStdin()
        yield child.ended
        yield deferLater(reactor, 0, lambda: None)
        self.scope.own(transport)
        self.assertEqual(self.scope.tree().children, ())
        yield self.close_in_time()

    def run_parent(self, how: str) -> int:
        """Run the program; the process id of its child."""
        parent = Program([sys.executable, "-c", PARENT, how], self.mktemp_folder())
        self.addCleanup(parent.close)
        pid = int(parent.wait_line(r"child (\d+)")[1])
        self.assertEqual(parent.wait(), 0, parent.text())
        return pid

    def mktemp_folder(self) -> str:
        folder = self.mktemp()
        os.mkdir(folder)
        return folder

    def test_no_orphan(self) -> None:
        """A program that stops leaves no child behind."""
        self.assertRaises(ProcessLookupError, os.kill, self.run_parent("owned"), 0)

    def test_plain_orphan(self) -> None:
        """Plain: its child lives on."""
        os.kill(self.run_parent("plain"), signal.SIGKILL)


class ThreadCase(CloserCase):
    """With a gate at which threads wait; open at the end."""

    def setUp(self) -> None:
        super().setUp()
        self.gate = Event()
        self.addCleanup(self.gate.set)

    def blocked(self, *_: Any) -> str:
        self.began.set()
        self.gate.wait(HANG)
        return "done"

    def begin(self) -> None:
        self.began = Event()

    @inlineCallbacks
    def began_to_block(self) -> Any:
        while not self.began.is_set():
            yield deferLater(reactor, 0.01, lambda: None)

    def open_soon(self) -> None:
        timer = Timer(0.2, self.gate.set)
        timer.start()
        self.addCleanup(timer.join)

    @inlineCallbacks
    def closed_under_way(self, start: Callable[[], Any]) -> Any:
        """Close while a thread works, then let it go on; its result."""
        self.begin()
        result = start()
        yield self.began_to_block()
        self.scope._node.grace = HANG
        closed = self.scope.close()
        self.assertFalse(self.gate.is_set())
        self.gate.set()
        yield closed
        value = yield result
        return value

    @inlineCallbacks
    def check_blocks(self, start: Callable[[], Any], stop: Callable[[], Any]) -> Any:
        """Plain: stopping while a thread works blocks the reactor until that is done."""
        self.begin()
        result = start()
        yield self.began_to_block()
        self.open_soon()
        stop()
        self.assertTrue(self.gate.is_set())
        yield result


class ThreadTests(ThreadCase):
    """``own(ThreadPool())`` and ``start(deferToThread, …)``."""

    def make(self) -> ThreadPool:
        pool = ThreadPool(0, 2)
        pool.start()
        self.addCleanup(lambda: [thread.join(HANG) for thread in pool.threads])
        self.addCleanup(self.gate.set)
        return pool

    @inlineCallbacks
    def test_pool(self) -> Any:
        """Closing returns while a thread works, waits for it, and its result arrives."""
        pool = self.scope.own(self.make())
        result = yield self.closed_under_way(lambda: deferToThreadPool(reactor, pool, self.blocked))
        self.assertEqual(result, "done")
        self.assertFalse([thread for thread in pool.threads if thread.is_alive()])
        yield self.assertFailure(deferToThreadPool(reactor, pool, int), ResourceClosed)

    @inlineCallbacks
    def test_pool_that_blocks(self) -> Any:
        """A thread that does not end is abandoned in time, and named."""
        pool = self.scope.own(self.make(), name="workers")
        self.begin()
        pool.callInThread(self.blocked)
        yield self.began_to_block()
        yield self.close_in_time()
        (what,) = self.abandoned()
        self.assertRegex(what, r"^threadpool workers \(PoolThread-.* in blocked\)$")

    def test_plain_pool(self) -> Any:
        """Plain: ``stop`` blocks the reactor until the thread is done."""
        pool = self.make()
        return self.check_blocks(lambda: pool.callInThread(self.blocked), pool.stop)

    @inlineCallbacks
    def test_defer_to_thread(self) -> Any:
        """Work in a thread has the grace; then its task is cancelled, and what it returns dropped."""
        self.begin()
        result = self.scope.start(deferToThread, self.blocked)
        yield self.began_to_block()
        failed = self.assertFailure(result, ResourceInterrupted)
        yield self.close_in_time()
        yield failed
        self.gate.set()
        yield deferToThread(int)

    @inlineCallbacks
    def test_defer_to_thread_in_time(self) -> Any:
        """What the thread returns within the grace is the result of the task."""
        result = yield self.closed_under_way(lambda: self.scope.start(deferToThread, self.blocked))
        self.assertEqual(result, "done")

    @inlineCallbacks
    def test_plain_defer_to_thread(self) -> Any:
        """Plain: cancelled, it fails at once and with no word of why, and the result is lost."""
        self.begin()
        result = deferToThread(self.blocked)
        yield self.began_to_block()
        result.cancel()
        self.assertFalse(self.gate.is_set())
        yield self.assertFailure(result, CancelledError)
        self.gate.set()
        yield deferToThread(int)


class DatabaseTests(ThreadCase):
    """``own(adbapi.ConnectionPool(…))``."""

    def make(self) -> Any:
        pool = adbapi.ConnectionPool(
            "sqlite3", self.mktemp(), cp_max=1, cp_reactor=reactor, check_same_thread=False
        )
        self.addCleanup(lambda: [thread.join(HANG) for thread in pool.threadpool.threads])
        self.addCleanup(self.gate.set)
        return pool

    @inlineCallbacks
    def test_query_under_way(self) -> Any:
        """A query under way is finished; then the connections are closed, and nothing is taken."""
        pool = self.scope.own(self.make())
        yield pool.runOperation("CREATE TABLE t (x)")
        result = yield self.closed_under_way(lambda: pool.runInteraction(self.blocked))
        self.assertEqual(result, "done")
        self.assertEqual((pool.connections, pool.running, pool.shutdownID), ({}, False, None))
        yield self.assertFailure(pool.runQuery("SELECT 1"), ResourceClosed)

    @inlineCallbacks
    def test_query_that_blocks(self) -> Any:
        """A query that does not end is abandoned in time, and named; nobody waits for it later."""
        pool = self.scope.own(self.make())
        self.begin()
        failed = pool.runInteraction(self.blocked)
        yield self.began_to_block()
        yield self.close_in_time()
        (what,) = self.abandoned()
        self.assertIn(" in blocked)", what)
        self.assertIsNone(pool.shutdownID)
        self.gate.set()
        yield failed
        for connection in pool.connections.values():
            connection.close()

    def test_plain_close(self) -> Any:
        """Plain: ``close`` blocks the reactor until the query is done."""
        pool = self.make()
        return self.check_blocks(lambda: pool.runInteraction(self.blocked), pool.close)

    @inlineCallbacks
    def test_closed_before(self) -> Any:
        """A pool that somebody has closed is no error; nor is one that was never used."""
        pool = self.scope.own(self.make())
        yield pool.runQuery("SELECT 1")
        pool.close()
        self.scope.own(self.make())
        yield self.close_in_time()
        self.assertEqual(self.abandoned(), [])
