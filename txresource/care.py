"""The care of a whole program: all that the plugin does, usable without twistd."""

from __future__ import annotations

import os
import time
from typing import Any

from twisted.application.service import IProcess, IService, MultiService
from twisted.internet.defer import Deferred, succeed
from twisted.logger import ILogObserver, Logger
from twisted.python.failure import Failure

from txresource.arguments import check_reactor, check_seconds, given
from txresource.closers.threads import ReactorThreadsCloser, abandoned_threads
from txresource.closing import GOODBYE, LAST, Closing, close_node
from txresource.connections import installed_reactor
from txresource.exiting import end_without
from txresource.intercept import hook_listening, unhook_listening
from txresource.leaks.monitor import LeakMonitor
from txresource.leaks.report import read_signatures, tool_name, write_report
from txresource.notify import Notifier
from txresource.owning import own
from txresource.progress import EVERY
from txresource.root import check_linger, root_node
from txresource.signals import CareSignals
from txresource.tree import Node
from txresource.treetext import describe_open
from txresource.weak import weakly

__all__ = ("CareService",)

log = Logger()

#: Seconds beyond the end of our own close before the shutdown goes on without whoever still waits.
_PATIENCE = 0.1
#: Seconds beyond that which we ask of systemd: for a report to be written, and a pool of threads
#: to be joined.
_SPARE = 10


class CareService(MultiService):
    """
    Takes a program into care: its listeners are managed, its heap is watched, and when the
    reactor stops all of it is closed, within the grace, and accounted for.

    :param reactor: ``None``: the installed one.
    :param child: a service to run; ``None``: none, the program opens what it needs itself.
    :param grace: seconds that shutdown gives to work in flight.
    :param linger: seconds of the grace in which it still takes in work, for load balancers that
        need a while to hear of the end.
    :param interval: seconds between snapshots; 0: only when asked; ``None``: 60, stretched so
        that they use no more than 2 % of a core.
    :param report: path of the JSON report; ``None``: none is written.
    :param history: path of a folder in which snapshots are kept; ``None``: they are not.
    :param what: how the log calls the program.
    :raises ValueError: the report is there and is no report, a time is below zero or endless, or
        the linger is not less than the grace.
    :raises TypeError: an argument is of the wrong kind; the message says what to write.
    :raises OSError: the report cannot be read.
    """

    def __init__(
        self,
        reactor: Any = None,
        child: IService | None = None,
        *,
        grace: float = 10.0,
        linger: float = 0.0,
        interval: float | None = None,
        report: str | None = None,
        history: str | None = None,
        what: str = "this program",
    ) -> None:
        super().__init__()
        check_seconds("grace", grace)
        check_linger(linger, grace)
        check_seconds("interval", interval, "60, stretched where that is too often")
        self._reactor = installed_reactor() if reactor is None else reactor
        check_reactor(self._reactor, "write CareService(reactor, service)")
        if child is not None and not IService.providedBy(child):
            raise TypeError(
                f"child is a service, not {given(child)}: write CareService(reactor, service),"
                " and IService(application) for an application"
            )
        self._grace = grace
        self._linger = linger
        self._report = None if report is None else os.path.realpath(report)
        self._history = None if history is None else os.path.realpath(history)
        self._what = what
        # Now: it reads a file, and no report is to wait for that.
        self._tool = tool_name()
        self._nodes: dict[IService, Node] = {}
        self._wrapped: tuple[str, ...] = ()
        self._trigger: Any = None
        self._calls: list[Any] = []
        self._notifier = Notifier("")
        self._closing: Closing | None = None
        self._ended = False
        self._inner: Any = None
        self._interval = interval
        seen = frozenset() if self._report is None else read_signatures(self._report)
        self._monitor = LeakMonitor(
            self._reactor, interval=interval, seen=seen, history=self._history
        )
        # Weakly, for both belong to this.
        self._monitor.on_snapshot = weakly(self._on_snapshot)
        self._signals = CareSignals(
            self._reactor,
            closing=weakly(self._is_closing),
            again=weakly(self.abort),
            ask=weakly(self._ask),
        )
        if child is not None:
            child.setServiceParent(self)

    def __repr__(self) -> str:
        state = "closing" if self._closing else "running" if self.running else "stopped"
        return f"<CareService of {self._what}, {state}>"

    # -- start

    def takeListeners(self) -> None:
        """Manage every listener that is opened from now on, whoever opens it."""
        self._wrapped += hook_listening(self._reactor)
        if self._trigger is None and hasattr(self._reactor, "addSystemEventTrigger"):
            # Before the root's own, which comes with the first port: the log says what is open
            # while it is.
            self._trigger = self._reactor.addSystemEventTrigger(
                "before", "shutdown", self._shutdown
            )

    def standFor(self, application: Any) -> None:
        """Be to twistd what an application is: its user, its group, its name and its log."""
        self._inner = application

    def setServiceParent(self, parent: Any) -> None:
        """Join an application; it takes over what the application in care asked for."""
        super().setServiceParent(parent)
        if self._inner is None or IProcess(parent, None) is None:
            return
        outer, inner = IProcess(parent), IProcess(self._inner)
        outer.uid, outer.gid, outer.processName = inner.uid, inner.gid, inner.processName
        observer = self._inner.getComponent(ILogObserver)
        if observer is not None:
            parent.setComponent(ILogObserver, observer)

    def privilegedStartService(self) -> None:
        """Be there before the first port is opened."""
        self.takeListeners()
        super().privilegedStartService()

    def startService(self) -> None:
        """Say what will be done, begin to watch, and start the child; nothing while it runs."""
        if self.running:
            return
        self.takeListeners()
        self._notifier = Notifier()
        self._root = root_node(self._reactor)
        self._root.grace, self._root.linger = self._grace, self._linger
        self._root.progress.on_change = weakly(self._on_progress)
        self._closing, self._ended = None, False
        self._signals.install()
        log.info("{text}", text=self._announcement())
        own(self._root, self._reactor, "of the reactor", None, ReactorThreadsCloser())
        for service in self:
            self._own(service)
        self._monitor.start()
        super().startService()
        if getattr(self._reactor, "running", False):
            self._ready()
        else:  # behind the children's own, which may open ports yet, and behind our signals
            self._reactor.addSystemEventTrigger("after", "startup", self._ready)

    def _ready(self) -> None:
        if self._closing is None:
            self._notifier.send("READY=1", f"STATUS=in care: {describe_open(self._root)}")

    def _announcement(self) -> str:
        every = (
            "snapshots only on SIGUSR2"
            if self._interval == 0
            else f"a snapshot every {60 if self._interval is None else self._interval:g} s"
        )
        wrapped = ", ".join(self._wrapped)
        linger = f" linger {self._linger:g} s," if self._linger else ""
        history = "" if self._history is None else f", history {self._history}"
        return (
            f"txresource takes care of {self._what}: {every}, grace {self._grace:g} s,{linger}"
            f" report {self._report or 'in the log only'}{history}"
            f"; wraps {wrapped + ' of this reactor' if wrapped else 'nothing'}"
        )

    def addService(self, service: IService) -> None:
        """Take one more service into care."""
        if self.running:
            self._own(service)
        super().addService(service)

    def removeService(self, service: IService) -> Any:
        """Let go of a service; it is stopped."""
        node = self._nodes.pop(service, None)
        if node is not None:
            node.ended()
        return super().removeService(service)

    def _own(self, service: IService) -> None:
        own(self._root, service, None, None)
        self._nodes[service] = next(reversed(self._root.children or {}))

    def _ask(self) -> None:
        self._monitor.snapshot(table=True)

    # -- the end

    def _is_closing(self) -> bool:
        return self._closing is not None

    def stopService(self) -> Deferred[None]:
        """
        Drain, close and account.

        :returns: a Deferred that fires with ``None`` within grace + 1.5 s and the time to write
            the report. Cancelling it changes nothing.
        """
        if not self.running or self._closing is not None:
            return self._closing.waiter() if self._closing is not None else succeed(None)
        self._closing = close_node(self._root, self._grace)
        self._go_on_in(self._grace + GOODBYE + LAST + _PATIENCE)
        return self._closing.waiter().addBoth(self._finish)

    def _shutdown(self) -> Deferred[None]:
        if self.running:
            self._root.stopping = True
            # The unit's TimeoutStopSec= may be shorter than the grace that was asked for here.
            needed = self._grace + GOODBYE + LAST + _SPARE
            self._notifier.send("STOPPING=1", f"EXTEND_TIMEOUT_USEC={needed * 1e6:.0f}")
        return self.stopService()

    def _on_progress(self, left: str) -> None:
        self._notifier.send(f"STATUS=draining: {left} left")

    def abort(self) -> None:
        """End it now: whatever is still open is aborted, and triggers of others are left behind."""
        if self._closing is None or (self._ended and not self._root.stopping):
            return
        if self._ended:
            log.warn("told again to end: waiting for the shutdown triggers of others no longer")
        else:
            log.warn("told again to end: aborting {open}", open=describe_open(self._root))
        self._go_on_in(0 if self._ended else LAST + _PATIENCE)
        self._closing.abort()

    def _go_on_in(self, seconds: float) -> None:
        # Triggers of others, which nothing bounds, hold the shutdown up as well. The same event
        # a second time goes on without them; once they are done the reactor is gone before.
        self._cancel_calls()
        self._calls.append(self._reactor.callLater(seconds, self._go_on))

    def _cancel_calls(self) -> None:
        while self._calls:
            call = self._calls.pop()
            if call.active():
                call.cancel()

    def _go_on(self) -> None:
        if not self._root.stopping or not getattr(self._reactor, "running", False):
            return
        self._account()
        self._monitor.stop().addCallback(self._go_on_without_others)

    def _go_on_without_others(self, _: None) -> None:
        if getattr(self._reactor, "running", False):  # else they were done in the meantime
            log.warn("a shutdown trigger that is not ours has not finished: going on without it")
            self._reactor.fireSystemEvent("shutdown")

    def _finish(self, result: Any) -> Deferred[None]:
        if isinstance(result, Failure):
            log.debug("the close had errors, logged where they came up")
        self.running = 0
        self._account()
        if self._root.stopping:  # our signals hold to the end: they cut short what others wait for
            self._reactor.addSystemEventTrigger("after", "shutdown", self._leave)
            self._calls.append(self._reactor.callLater(EVERY, self._say_who_waits))
        else:
            self._leave()
        unhook_listening(self._reactor)
        self._wrapped = ()
        self._nodes.clear()
        trigger, self._trigger = self._trigger, None
        if trigger is not None and not self._root.stopping:
            self._reactor.removeSystemEventTrigger(trigger)
        return self._monitor.stop()

    def _say_who_waits(self) -> None:
        log.info("all of ours is closed: waiting for a shutdown trigger of somebody else's")

    def _leave(self) -> None:
        self._signals.remove()
        self._cancel_calls()

    def _account(self) -> None:
        """Write down what became of everything, once."""
        if self._ended or self._closing is None:
            return
        self._ended = True
        outcome = self._closing.outcome
        account = (
            f"closed {outcome.closed.total()}, aborted {outcome.aborted.total()},"
            f" abandoned {len(outcome.abandoned)}"
            f" in {self._reactor.seconds() - self._closing.began:.1f} s"
        )
        log.info("{account}", account=account)
        if self._root.stopping:
            end_without(abandoned_threads())
        self._write_report()
        self._notifier.send(f"STATUS={account}")

    def _on_snapshot(self) -> None:
        self._write_report()
        if self._closing is None:
            self._notifier.send(f"STATUS=in care: {self._monitor.summary()}")

    def _write_report(self) -> None:
        if self._report is None:
            return
        report = self._monitor.report(self._tool)
        if self._closing is not None:
            report["shutdown"] = self._shutdown_report()
        if self._ended:
            report["ended"] = time.time()
        try:
            write_report(self._report, report)
        except OSError as error:
            log.warn(
                "the report {path} could not be written: {why}",
                path=self._report,
                why=error.strerror,
            )

    def _shutdown_report(self) -> dict[str, Any]:
        assert self._closing is not None
        outcome = self._closing.outcome
        return {
            "seconds": round(self._reactor.seconds() - self._closing.began, 3),
            "closed": outcome.closed.total(),
            "aborted": outcome.aborted.total(),
            "abandoned": [
                {
                    "what": gone.what,
                    "created_at": gone.created_at,
                    "waited": round(gone.waited, 3),
                    "error": gone.error,
                }
                for gone in outcome.abandoned
            ],
            "kinds": {"closed": dict(outcome.closed), "aborted": dict(outcome.aborted)},
        }
