"""What a program of your own promises, held by trial."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txresource import Scope, weakly
from txresource.testing import LeakAssertionsMixin


class Reader:
    def got(self, data):
        return data


class ReaderTests(LeakAssertionsMixin, SynchronousTestCase):
    def test_answer_does_not_hold_the_reader(self):
        reader, answer = Reader(), Deferred()
        answer.addCallback(weakly(reader.got))
        self.assertCollected(reader)

    def test_scope_closes_its_timer(self):
        scope = Scope(Clock(), "job")
        scope.call_later(60.0, print, "late")
        scope.close()
        self.assertAllClosed(scope)

    def test_reading_leaves_no_cycles(self):
        self.assertNoCycles(lambda: Reader().got(b"data"))
