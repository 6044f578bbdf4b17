"""The reactor's hold on one forked child: its pipe, its deadline, its end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.internet.main import CONNECTION_DONE
from twisted.python.failure import Failure
from zope.interface import implementer

from txresource.heap.fork import Child, Ended
from txresource.heap.stages import BrokenStage, StageDecoder

__all__ = ("ChildReader", "how_it_ended")

_READ_SIZE = 65536
_FIRST_RETRY = 0.001
_LONGEST_RETRY = 0.05
#: A call that is cancelled stays with the reactor until its time has come. One for each snapshot
#: would look as if they grew.
_LONGEST_WAIT = 1.0


def how_it_ended(
    ended: Ended | None, stages: Mapping[str, Any], missing: str = "a snapshot"
) -> str:
    """One sentence about a child that did not bring what was asked.

    :param ended: how the child ended; None where that is not known.
    :param stages: what it had sent.
    :param missing: what it had not sent.
    """
    code = None if ended is None else ended.exit_code
    if code is not None and code < 0:
        return f"the snapshot's child was killed by {_signal_name(-code)}"
    if "error" in stages:
        return f"the snapshot's child failed with {stages['error']['type']}"
    return f"the snapshot's child ended without {missing}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


@implementer(IReadDescriptor)
class ChildReader:
    """Reads one child's stages, kills it at the deadline, and reaps it.

    :param reactor: reads the pipe and keeps the deadline.
    :param child: the child; from now on nobody else's.
    :param deadline: seconds that it has.
    :param finished: called once, with the reader, when the child is reaped
        and the pipe is closed.
    :ivar stages: what it has sent so far.
    :ivar trouble: one sentence that says what went wrong, or None.
    :ivar ended: how it ended; None while that is not known.
    """

    def __init__(
        self,
        reactor: Any,
        child: Child,
        deadline: float,
        finished: Callable[[ChildReader], None],
    ) -> None:
        self._reactor = reactor
        self.child = child
        self._finished: Callable[[ChildReader], None] | None = finished
        self._decoder = StageDecoder()
        self.stages: dict[str, Any] = {}
        self.trouble: str | None = None
        self.ended: Ended | None = None
        self._reading = True
        self._retry = _FIRST_RETRY
        self._deadline = deadline
        self._began = reactor.seconds()
        self._timer: IDelayedCall | None = None
        self._wait()
        reactor.addReader(self)

    def __repr__(self) -> str:
        state = "reading" if self._reading else "reaping" if self.ended is None else "over"
        return f"<ChildReader of process {self.child.pid}, {state}>"

    def _wait(self) -> None:
        left = self._began + self._deadline - self._reactor.seconds()
        if left > 0:
            self._timer = self._reactor.callLater(min(left, _LONGEST_WAIT), self._wait)
        else:
            self._timer = None
            self.kill(f"the snapshot's child took longer than {self._deadline:g} s and was killed")

    def fileno(self) -> int:
        """The descriptor of the pipe; -1 when it is closed."""
        return self.child.fd if self._reading else -1

    def logPrefix(self) -> str:
        """What log lines about this reader begin with."""
        return "snapshot"

    def doRead(self) -> Any:
        """Read what is there, at most one portion.

        :returns: None; at the end of the pipe the reason to disconnect, an
            exception, as the reactors have it.
        """
        try:
            data = os.read(self.child.fd, _READ_SIZE)
            self.stages.update(self._decoder.feed(data))
        except BlockingIOError:
            return None
        except (BrokenStage, OSError) as error:
            self.kill(f"the snapshot's child sent what cannot be read: {error}")
            return None
        return None if data else CONNECTION_DONE

    def connectionLost(self, reason: Failure) -> None:
        """The pipe has ended: what is left is to reap the child.

        :param reason: not looked at; the exit status says more.
        """
        self._stop_reading()

    def kill(self, trouble: str) -> None:
        """Kill the child and leave its pipe.

        :param trouble: one sentence that says why.
        """
        if self.trouble is None:
            self.trouble = trouble
        if not self._over():
            with suppress(ProcessLookupError):
                self.child.kill()
        self._stop_reading()

    def _stop_reading(self) -> None:
        if self._reading:
            self._reactor.removeReader(self)
            self._reading = False
            os.close(self.child.fd)
            self._reap()

    def _over(self) -> bool:
        # Asked no more once reaped: the process id may then be another's.
        if self.ended is None:
            self.ended = self.child.reap()
        return self.ended is not None

    def _reap(self) -> None:
        if self._over():
            self._finish()
            return
        self._reactor.callLater(self._retry, self._reap)
        self._retry = min(self._retry * 2, _LONGEST_RETRY)

    def _finish(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        if self.trouble is None and "snapshot" not in self.stages:
            self.trouble = how_it_ended(self.ended, self.stages)
        finished, self._finished = self._finished, None
        if finished is not None:
            finished(self)
