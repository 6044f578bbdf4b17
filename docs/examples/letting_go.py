"""Callbacks that hold nobody, the end of an object, and failures without frames."""

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import react

from txresource import scrub, weakly, when_collected


class Reader:
    def got(self, data):
        print("got", data)


def main(reactor):
    # weakly: the Deferred does not keep the reader alive.
    answer, reader = Deferred(), Reader()
    answer.addCallback(weakly(reader.got))
    answer.callback("data")

    # when_collected: a Deferred that fires, in the reactor, when the reader is gone.
    gone = when_collected(reactor, reader)
    gone.addCallback(lambda _: print("the reader is gone"))
    del reader

    # scrub: the failure keeps its type, text and line numbers, and no frames.
    fail(ValueError("no such user")).addErrback(scrub).addErrback(
        lambda failure: print("failed:", failure.getErrorMessage())
    )
    return gone


if __name__ == "__main__":
    react(main)
