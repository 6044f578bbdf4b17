"""
The fault table: what txresource does about each fault, and what plain Twisted does.

The tests run it, ``benchmarks/faults.py`` runs it many times, and ``docs/faults.rst`` shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

#: Seconds of grace that a faulty program gets, where its row says nothing else.
GRACE = 0.5
#: What may fail in the end, and how the page says so.
FAILURES = {
    "ends": "never ends",
    "lost": "the protocol is never told of the end",
    "fired": "who waits is never told",
    "whole": "data is lost",
    "left": "something is left behind",
}


@dataclass(frozen=True, slots=True)
class Row:
    """
    A fault.

    :ivar title: how the page calls it.
    :ivar fault: the name of its class.
    :ivar tcp: what becomes of what it opened, in care: "closed port, aborted connection".
    :ivar tls: the same over TLS; ``None``, with either: there is no such thing.
    :ivar abandoned: what the report names as abandoned.
    :ivar plain: which of ``FAILURES`` plain Twisted shows.
    :ivar alone: whether it needs a process of its own, in which a second, idle connection shows
        that the rest is closed all the same.
    :ivar remark: what the page says beyond that.
    :ivar status: the exit status of the program in care.
    :ivar untold: nothing is closed and nobody told, in care neither.
    :ivar stuck: whether a thread is left that nobody can end.
    """

    title: str
    fault: str
    tcp: str | None = "closed connection, closed port"
    tls: str | None = None
    abandoned: tuple[str, ...] = ()
    plain: frozenset[str] = frozenset()
    alone: bool = False
    remark: str = ""
    grace: float = GRACE
    status: int = 0
    untold: bool = False
    stuck: bool = False

    def outcome(self, kind: str) -> tuple[Counter[str], Counter[str]]:
        """What is closed and what aborted, by kind of thing."""
        counts: dict[str, Counter[str]] = {"closed": Counter(), "aborted": Counter()}
        text = (self.tls if kind == "tls" else self.tcp) or ""
        for part in filter(None, text.split(", ")):
            how, what = part.split()
            counts[how][what] += 1
        return counts["closed"], counts["aborted"]

    def lost(self, kind: str) -> int:
        """How many protocols hear of their end."""
        closed, aborted = self.outcome(kind)
        return sum((closed + aborted)[what] for what in ("connection", "process"))

    def kinds(self) -> tuple[str, ...]:
        """Over what it is run."""
        return tuple(kind for kind in ("tcp", "tls") if getattr(self, kind) is not None)

    def lonely(self) -> bool:
        """Whether it opens no port, and so gets the idle connection for company."""
        return self.alone and "port" not in (self.tcp or "")


def fails(*names: str) -> frozenset[str]:
    """What plain Twisted fails at."""
    assert set(names) <= set(FAILURES), names
    return frozenset(names)


CLOSED = "closed connection, closed port"
ABORTED = "aborted connection, closed port"
UNTOLD = fails("lost", "left")
HANGS = fails("ends")
THREAD = "threadpool of the reactor"
SERVICE = "service tests.real.faults.services."

PEERS = (
    Row("a peer that never reads, 20 MB unsent", "NeverReads", ABORTED, ABORTED),
    Row(
        "a peer that never answers ``close_notify``",
        "NeverAnswersCloseNotify",
        None,
        ABORTED,
    ),
    Row("half-closed by the peer", "HalfClosedByPeer", plain=UNTOLD),
    Row("half-closed by us", "HalfClosedByUs"),
    Row("a paused transport", "Paused", CLOSED, CLOSED, plain=UNTOLD),
    Row("``startTLS`` under way", "StartTLS"),
    Row(
        "an HTTP answer whose body nobody reads",
        "UnreadBody",
        "closed connection",
        "aborted connection",
        plain=UNTOLD,
    ),
    Row(
        "a connection made during shutdown",
        "MadeDuringShutdown",
        "",
        "",
        remark="no protocol is built for it",
    ),
)
PRODUCERS = (
    Row(
        "a streaming producer that never resumes",
        "StreamingNeverResumes",
        CLOSED,
        ABORTED,
        remark="what it wrote has arrived",
    ),
    Row("a pull producer that never ends", "PullNeverEnds", ABORTED, ABORTED),
    Row(
        "a producer that raises in ``stopProducing``",
        "StopProducingRaises",
        ABORTED,
        ABORTED,
        plain=UNTOLD,
    ),
)
PROTOCOLS = (
    Row("a write after ``loseConnection``", "WriteAfterLose", CLOSED, CLOSED),
    Row("``connectionLost`` that raises", "ConnectionLostRaises", CLOSED, CLOSED),
    Row(
        "``draining`` that raises",
        "DrainingRaises",
        CLOSED,
        CLOSED,
        plain=fails("whole"),
        remark="what it wrote before arrives",
    ),
    Row(
        "``draining`` that returns a Deferred which never fires",
        "DrainingHangs",
        CLOSED,
        CLOSED,
        plain=fails("whole"),
        remark="the Deferred is not waited for",
    ),
    Row(
        "``busy`` that is never done",
        "BusyForEver",
        CLOSED,
        CLOSED,
        plain=fails("whole"),
        remark="when the grace is over",
    ),
    Row(
        "a protocol that connects anew in ``connectionLost``",
        "ReconnectsInConnectionLost",
        "closed connection",
        "closed connection",
        plain=fails("left"),
    ),
    Row(
        "a factory that connects anew in ``clientConnectionLost``",
        "FactoryReconnects",
        "closed connection",
        "closed connection",
        plain=fails("left"),
    ),
)
UNSENT = (
    Row(
        "20 MB unsent, and a peer that reads",
        "Unsent",
        CLOSED,
        CLOSED,
        plain=fails("whole"),
        grace=5.0,
        remark="all 20 MB arrive, with a grace of 5 s",
    ),
)
SERVICES = (
    Row(
        "``stopService`` that raises",
        "StopServiceRaises",
        "",
        abandoned=(SERVICE + "Raising",),
        alone=True,
    ),
    Row(
        "``stopService`` that never fires",
        "StopServiceHangs",
        "",
        abandoned=(SERVICE + "Hanging",),
        plain=HANGS,
        alone=True,
    ),
    Row(
        "``stopListening`` that never fires",
        "StopListeningHangs",
        "closed connection",
        abandoned=("port twisted.internet.tcp.Port", SERVICE + "PortService"),
        plain=HANGS,
        alone=True,
        remark="the reactor closes the port in the end",
    ),
    Row(
        "somebody's ``before`` trigger that never fires",
        "TriggerHangs",
        "",
        plain=HANGS,
        alone=True,
        remark="the shutdown goes on without it",
    ),
)
WORK = (
    Row(
        "a TCP connect under way",
        "ConnectUnderWay",
        "closed task",
        alone=True,
        remark="who waits for it is told",
    ),
    Row(
        "the same, by a factory with the mixin",
        "FactoryConnects",
        "closed attempt",
        alone=True,
        remark="its factory is told that it failed",
    ),
    Row(
        "a DNS lookup under way",
        "LookupUnderWay",
        "closed task",
        abandoned=(THREAD,),
        plain=HANGS,
        alone=True,
        status=1,
        stuck=True,
        remark="who waits for it is told; the process ends without the thread",
    ),
    Row(
        "a call that blocks a thread for ever",
        "BlockingCall",
        "closed task",
        abandoned=(THREAD,),
        plain=HANGS,
        alone=True,
        status=1,
        stuck=True,
        remark="the thread is named, with its function; the process ends without it, with status 1",
    ),
    Row(
        "25 jobs queued for the thread pool",
        "QueuedJobs",
        "closed threadpool",
        plain=fails("fired"),
        alone=True,
        remark="all of them are done, and who waits gets the results",
    ),
    Row(
        "a child process that ignores TERM",
        "IgnoresTerm",
        "aborted process",
        plain=fails("lost", "fired", "left"),
        alone=True,
        remark="it is killed at the deadline, and reaped",
    ),
    Row(
        "no descriptor left when peers connect",
        "NoDescriptors",
        alone=True,
        remark="Twisted refuses those peers",
    ),
)
STOPS = (
    Row("``reactor.stop()`` in a callback", "StopFromCallback", "", alone=True),
    Row("``callFromThread(reactor.stop)`` in a thread", "StopFromThread", "", alone=True),
    Row(
        "``reactor.crash()``",
        "Crash",
        "",
        alone=True,
        untold=True,
        plain=UNTOLD,
        remark="nothing can be told or closed when no turn of the reactor is left",
    ),
    Row(
        "``reactor.crash()``, then ``run()`` and ``stop()``",
        "CrashAndRun",
        "",
        alone=True,
    ),
    Row(
        "SIGTERM before the reactor runs",
        "SignalBeforeRun",
        "",
        alone=True,
        status=-15,
        untold=True,
        remark="the signal ends the process, as it would any other: nothing is open yet",
    ),
    Row("SIGTERM in the reactor's first turn", "SignalAtStartup", "closed port", alone=True),
)
SIGNALS = (
    Row(
        "a second SIGTERM in the same turn",
        "SecondAtOnce",
        ABORTED,
        abandoned=(SERVICE + "Hanging",),
        plain=HANGS,
        alone=True,
        grace=30.0,
        remark="at once, whatever the grace",
    ),
    Row(
        "a second SIGTERM while connections drain",
        "SecondWhileDraining",
        ABORTED,
        abandoned=(SERVICE + "Hanging",),
        plain=HANGS,
        alone=True,
        grace=30.0,
        remark="at once, whatever the grace",
    ),
    Row(
        "a third SIGTERM while they are aborted",
        "SecondWhileAborting",
        ABORTED,
        abandoned=(SERVICE + "Hanging",),
        plain=HANGS,
        alone=True,
        grace=30.0,
        remark="it changes nothing",
    ),
    Row(
        "a second SIGTERM when the grace is over",
        "SecondAfterDeadline",
        ABORTED,
        abandoned=(SERVICE + "Hanging",),
        plain=HANGS,
        alone=True,
    ),
    Row("a second SIGTERM in the phase ``during``", "SecondInPhase", ABORTED, alone=True),
    Row("a second SIGTERM in the phase ``after``", "SecondAfter", ABORTED, alone=True),
    Row(
        "a second SIGTERM when ``run()`` has returned",
        "SecondReturned",
        ABORTED,
        alone=True,
        remark="it changes nothing",
    ),
)

#: The rows by theme, in the order of the page.
TABLE: dict[str, tuple[Row, ...]] = {
    "Peers and transports": PEERS,
    "Producers": PRODUCERS,
    "Protocols and factories": PROTOCOLS,
    "Data under way": UNSENT,
    "Services, ports and triggers": SERVICES,
    "Work outside of the reactor": WORK,
    "Ways to stop": STOPS,
    "Signals that come again": SIGNALS,
}


def rows() -> Iterator[Row]:
    """All of them."""
    for theme in TABLE.values():
        yield from theme
