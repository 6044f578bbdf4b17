"""Five leaks, each beside its cure; the tests show the one, and the end of it by the other."""

import gc
import weakref

from twisted.copyright import version
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock, LoopingCall, deferLater
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txresource import (
    ManagedFactoryMixin,
    ManagedProtocolMixin,
    Scope,
    root_scope,
    scrub,
    weakly,
)


# 1: two objects on each other's chains
class Half:
    def __init__(self):
        self.done = Deferred()

    def other_done(self, result):
        return result


def cycle_leak():
    a, b = Half(), Half()
    a.done.addCallback(b.other_done)  # a -> Deferred -> b -> Deferred -> a
    b.done.addCallback(a.other_done)
    return a


def cycle_cure():
    a, b = Half(), Half()
    a.done.addCallback(weakly(b.other_done))
    b.done.addCallback(weakly(a.other_done))
    return a


# 2: a chain without an end
def endless_leak(clock, check):
    def again(_):
        check()
        return deferLater(clock, 1.0).addCallback(again)  # each waits for the next, for ever

    return again(None)


def endless_cure(clock, check):
    scope = Scope(clock, "poller")
    scope.looping_call(check, 1.0)
    return scope


# 3: a server that nobody ends
class LeakyEcho(Protocol):
    def connectionMade(self):
        self.factory.clients.append(self)
        self.pulse = LoopingCall(self.transport.write, b".")
        self.pulse.clock = self.factory.reactor
        self.pulse.start(5.0)

    def dataReceived(self, data):
        self.transport.write(data)


class LeakyFactory(Factory):
    protocol = LeakyEcho

    def __init__(self, reactor):
        self.reactor = reactor
        self.clients = []


class Echo(ManagedProtocolMixin, Protocol):
    def connectionMade(self):
        self.scope.looping_call(self.transport.write, 5.0, b".")

    def dataReceived(self, data):
        self.transport.write(data)


class EchoFactory(ManagedFactoryMixin, Factory):
    protocol = Echo

    def __init__(self, reactor):
        self.reactor = reactor


# 4: what a callback captures
class Page:
    def __init__(self):
        self.body = b"x" * 1_000_000


def capture_leak(answer, page):
    answer.addCallback(lambda sent: (sent, len(page.body)))  # the page waits for the answer, too


def capture_cure(answer, page):
    answer.addCallback(with_size, len(page.body))


def with_size(sent, size):
    return sent, size


# 5: an error that nobody handles
def parse(page):
    raise ValueError("no title")


def error_leak(page):
    answer = Deferred()
    answer.addCallback(lambda _: parse(page))
    answer.callback(None)
    return answer  # its failure has the frame of parse, which has the page; nothing is logged yet


def error_cure(page):
    answer = Deferred()
    answer.addCallback(lambda _: parse(page))
    answer.addErrback(scrub)
    answer.callback(None)
    return answer


def error_cure_by_scope(clock, page):
    scope = Scope(clock, "parser")
    scope.start(parse, page)  # logged at once, with the line that started it
    return scope


class LeakTests(SynchronousTestCase):
    def setUp(self):
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        self.clock = Clock()

    def test_cycle(self):
        gone = weakref.ref(cycle_leak())
        self.assertIsNotNone(gone())
        gc.collect()  # it takes the collector; and not even that helps if one Deferred is held
        self.assertIsNone(gone())
        self.assertIsNone(weakref.ref(cycle_cure())())

    def deferreds(self, start):
        """How many Deferreds a hundred turns leave behind."""
        running = start(self.clock, int)
        self.clock.pump([1.0] * 10)
        before = sum(type(thing) is Deferred for thing in gc.get_objects())
        self.clock.pump([1.0] * 100)
        return running, sum(type(thing) is Deferred for thing in gc.get_objects()) - before

    def test_endless_chain(self):
        running, more = self.deferreds(endless_leak)
        self.assertGreaterEqual(more, 100)
        running.cancel()
        self.failureResultOf(running)
        scope, more = self.deferreds(endless_cure)
        self.assertLessEqual(more, 1)
        scope.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def connection(self, factory):
        """A connection that comes and goes; whether anything still holds its protocol."""
        protocol = factory.buildProtocol(None)
        protocol.makeConnection(StringTransport())
        protocol.dataReceived(b"hello")
        self.clock.advance(5.0)
        self.assertEqual(protocol.transport.value(), b".hello.")
        protocol.connectionLost(Failure(ConnectionDone()))
        self.clock.advance(5.0)
        return weakref.ref(protocol)

    def test_server(self):
        leaky = LeakyFactory(self.clock)
        self.connection(leaky)
        self.assertEqual((len(leaky.clients), len(self.clock.getDelayedCalls())), (1, 1))
        leaky.clients.clear()
        gc.collect()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)  # the loop goes on all the same
        self.clock = Clock()
        cured = EchoFactory(self.clock)
        self.assertIsNone(self.connection(cured)())
        self.assertEqual((cured.liveConnections, self.clock.getDelayedCalls()), ((), []))

    def test_server_that_ends(self):
        factory, transport = EchoFactory(self.clock), StringTransport()
        factory.doStart()
        factory.buildProtocol(None).makeConnection(transport)
        root_scope(self.clock).close()
        self.assertTrue(transport.disconnecting)
        self.clock.pump([1.0] * 10)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_capture(self):
        for ask, is_gone in ((capture_leak, False), (capture_cure, True)):
            answer, page = Deferred(), Page()
            ask(answer, page)
            gone = weakref.ref(page)
            del page
            self.assertEqual(gone() is None, is_gone)
            answer.callback(True)
            self.assertEqual(self.successResultOf(answer), (True, 1_000_000))

    def test_error(self):
        page = Page()
        gone, answer = weakref.ref(page), error_leak(page)
        del page
        # Older ones dropped the frames themselves.
        self.assertEqual(gone() is None, tuple(map(int, version.split(".")[:2])) < (24, 10))
        self.assertEqual(self.flushLoggedErrors(), [])  # nobody knows of it
        self.failureResultOf(answer, ValueError)

    def test_error_cured(self):
        page = Page()
        gone, answer = weakref.ref(page), error_cure(page)
        del page
        self.assertIsNone(gone())
        self.failureResultOf(answer, ValueError)
        page = Page()
        gone, scope = weakref.ref(page), error_cure_by_scope(self.clock, page)
        del page
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertIsNone(gone())
        scope.close()
