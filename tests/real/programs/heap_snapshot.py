"""A program that does something odd, is snapshotted, and says in JSON how that went.

Usage: heap_snapshot.py ODDITY [REACTOR]
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import signal
import sys
import tempfile
import threading
import time
from typing import Any

if "wakeup" in sys.argv[1]:
    # Before asyncio is imported: its own hook, on 3.12 and newer, ends the window.
    os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGTERM))
if len(sys.argv) > 2:
    importlib.import_module(f"twisted.internet.{sys.argv[2]}reactor").install()

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

from tests.real.glance import glance
from txresource.errors import SnapshotError
from txresource.heap.child import Send
from txresource.leaks.look import look
from txresource.leaks.snapshots import SnapshotTaker

RESULT: dict[str, Any] = {"reactor": type(reactor).__name__}
SLOW = 0.05
OUT = os.dup(1)


def plain() -> None:
    """Nothing odd."""


def hooks() -> None:
    """Hooks that are slow, allocate, and would like the collector to run."""
    gc.collect()
    # Rare enough for the parent, eager for a hook that makes more lists.
    gc.set_threshold(100_000, 1, 1)
    waste: list[Any] = [tempfile.NamedTemporaryFile()]
    waste.append(waste)
    path = waste[0].name
    os.register_at_fork(
        before=lambda: time.sleep(SLOW),
        after_in_parent=lambda: RESULT.update(after=True, garbage=os.path.exists(path)),
        after_in_child=lambda: [[n] for n in range(300_000)] and None,
    )
    globalLogPublisher.addObserver(
        lambda event: "register_at_fork" in str(event) and RESULT.update(log=event["log_format"])
    )


def threads() -> None:
    """Three more threads, which newer interpreters warn about."""
    for _ in range(3):
        threading.Thread(target=threading.Event().wait, daemon=True).start()


def bare() -> None:
    """The same threads, and a fork without our precautions."""
    threads()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def closed() -> None:
    """A daemon that closed its standard descriptors, so that the next ones get their numbers."""
    reactor.callWhenRunning(os.closerange, 0, 3)  # type: ignore[attr-defined]


def wakeup(fork: bool = False) -> None:
    """A SIGTERM that meets the child before its signals are reset."""
    reading, writing = os.pipe()
    for fd in (reading, writing):
        os.set_blocking(fd, False)
    signal.signal(signal.SIGTERM, lambda *args: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    reactor.addSystemEventTrigger("before", "shutdown", woken, reading)  # type: ignore[attr-defined]
    if fork:
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)


def woken(reading: int) -> None:
    """Tell which signals have been written to the wakeup descriptor."""
    try:
        RESULT["woken"] = list(os.read(reading, 100))
    except BlockingIOError:
        RESULT["woken"] = []


def bare_wakeup() -> None:
    """The same signal, and a fork without our precautions."""
    wakeup(fork=True)


def traced() -> None:
    """A tracer that would run in the child, and profile it."""
    calls: list[int] = []
    me = os.getpid()

    def trace(*args: Any) -> None:
        if os.getpid() != me:
            calls.append(1)
            if len(calls) > 2000:
                os._exit(77)

    sys.setprofile(trace)


def no_fork() -> None:
    """A user who may have no more processes."""
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    if os.getuid() == 0:
        os.setresuid(65534, 65534, 65534)


def noisy_job(errand: Any, send: Send, frames: Any) -> None:
    """Write where nobody may hear it, then look: where the look itself matters at the whole heap."""
    os.write(1, b"noise")
    os.write(2, b"noise")
    (look if sys.argv[1] in ("threads", "traced") else glance)(errand, send, frames)


async def main() -> None:
    """Take two snapshots, and report."""
    taker = SnapshotTaker(reactor, deadline=60.0, job=noisy_job)
    for _ in range(2):
        try:
            snapshot = await taker.take()
        except SnapshotError as error:
            RESULT["error"] = f"{type(error).__name__}: {error}"
        else:
            RESULT.update(
                hooks=snapshot.hooks, pause=snapshot.pause, types=len(snapshot.census.rows)
            )
    statistics = taker.statistics()
    RESULT.update(taken=statistics.taken, failed=statistics.failed, refused=statistics.refused)
    try:
        os.waitpid(-1, os.WNOHANG)
        RESULT["children"] = True
    except ChildProcessError:
        RESULT["children"] = False
    reactor.stop()  # type: ignore[attr-defined]


def failed(failure: Failure) -> None:
    """Say what went wrong, and end."""
    failure.printTraceback()
    reactor.stop()  # type: ignore[attr-defined]


def run(oddity: str) -> None:
    """Be odd, run the reactor, and print the result."""
    {
        "bare": bare,
        "bare-wakeup": bare_wakeup,
        "closed": closed,
        "hooks": hooks,
        "no-fork": no_fork,
        "plain": plain,
        "threads": threads,
        "traced": traced,
        "wakeup": wakeup,
    }[oddity]()
    reactor.callWhenRunning(  # type: ignore[attr-defined]
        lambda: Deferred.fromCoroutine(main()).addErrback(failed)
    )
    reactor.run(installSignalHandlers="wakeup" not in oddity)  # type: ignore[attr-defined]
    os.write(OUT, json.dumps(RESULT).encode())


if __name__ == "__main__":
    run(sys.argv[1])
