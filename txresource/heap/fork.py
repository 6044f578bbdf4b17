"""Fork a copy of the process that looks at the heap, and hold on to it.

The parent pays for one ``fork()``. Signals are blocked over it, so that none
meets the copy while the parent's handlers are still in place there.

Known limit: CPython drops the thread-local data of all other threads in the
copy before any Python code runs there. An object that only such data holds is
finalized in the copy, as after every ``os.fork()`` of a threaded program.
"""

from __future__ import annotations

import gc
import os
import re
import signal
import sys
import threading
import time
import warnings
from dataclasses import dataclass

from txresource.heap.child import CATCHABLE, Job, Orders, be_child

__all__ = ("Child", "Ended", "fork_child", "quiet_fork_warning")

_FIRST_FREE = 3


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended.

    :param exit_code: its exit status, or minus the number of the signal that
        killed it; None where somebody else has reaped it.
    """

    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Child:
    """A forked child. Its owner reads the pipe, closes it, and reaps.

    :param pid: its process id.
    :param fd: where its stages can be read; does not block.
    :param pause: seconds that the parent stood still.
    :param hooks: seconds of them that ``os.register_at_fork`` hooks of others
        took; only of those registered after this module was imported.
    """

    pid: int
    fd: int
    pause: float
    hooks: float

    def kill(self) -> None:
        """Kill the child. It must not have been reaped yet."""
        os.kill(self.pid, signal.SIGKILL)

    def reap(self) -> Ended | None:
        """Ask, without waiting, whether the child has ended.

        :returns: None while it lives.
        """
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            return Ended(None)
        return Ended(os.waitstatus_to_exitcode(status)) if pid else None


class _ForkBracket:
    """The innermost ``before`` and ``after`` hooks around forks of our own.

    Between them only the interpreter works. The collector is off from one to
    the other, so that hooks which run in the child before us cannot start it
    there.
    """

    def __init__(self) -> None:
        self.thread: int | None = None
        self.collecting = False
        self.outside = 0.0
        self.started = 0.0

    def arm(self) -> None:
        self.thread = threading.get_ident()
        self.started = time.perf_counter()

    def disarm(self) -> None:
        self.thread = None
        self.outside += time.perf_counter()

    def before(self) -> None:
        if self.thread == threading.get_ident():
            self.collecting = gc.isenabled()
            gc.disable()
            self.outside = time.perf_counter() - self.started

    def after(self) -> None:
        if self.thread == threading.get_ident():
            self.outside -= time.perf_counter()
            if self.collecting:
                gc.enable()


_bracket = _ForkBracket()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_bracket.before, after_in_parent=_bracket.after)

_FORK_WARNING = ("ignore", None, DeprecationWarning, re.compile(re.escape(__name__) + "$"), 0)


def quiet_fork_warning() -> None:
    """Keep CPython 3.12 and newer from warning about our forks, and only ours.

    One filter in the first place, put back there when others were added:
    ``catch_warnings`` changes the filters of all threads and then undoes what
    they did.
    """
    if not warnings.filters or warnings.filters[0] != _FORK_WARNING:
        warnings.filterwarnings(
            "ignore", category=DeprecationWarning, module=re.escape(__name__) + "$"
        )


def fork_child(job: Job, *, keep: tuple[int, ...] = (), lifetime: float = 120.0) -> Child:
    """Fork a copy of this process that runs a job, sends stages, and ends.

    :param job: called in the copy with a function that sends one stage: its
        name, and plain data or bytes; and with the innermost frames of all
        threads of the parent. It runs with every other descriptor closed; it
        may not import, log, open, or call anything that is the user's.
    :param keep: descriptors above 2 that stay open in the copy.
    :param lifetime: seconds after which the copy ends by itself.
    :raises OSError: no pipe or no process could be had.
    """
    start = time.perf_counter()
    quiet_fork_warning()
    read_end, write_end = _high_pipe()
    null = _open_null()
    try:
        pid = _fork_masked(Orders(job, write_end, null, keep, lifetime))
    except BaseException:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)
        if null is not None:
            os.close(null)
    os.set_blocking(read_end, False)
    pause = time.perf_counter() - start
    return Child(pid, read_end, pause, max(0.0, _bracket.outside))


def _fork_masked(orders: Orders) -> int:
    # The copy has this thread alone; only here the others can be seen.
    frames = list(sys._current_frames().values())
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, CATCHABLE)
    try:
        _bracket.arm()
        pid = os.fork()
        if pid == 0:
            be_child(orders, frames)
        return pid
    finally:
        _bracket.disarm()
        # This frame is one of them: left there, all would wait for the collector.
        frames.clear()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _high_pipe() -> tuple[int, int]:
    read_end, write_end = os.pipe()
    try:
        return _above_standard(read_end), _above_standard(write_end)
    except OSError:
        os.close(read_end)
        os.close(write_end)
        raise


def _above_standard(fd: int) -> int:
    # A daemon that closed 0 to 2 gets those numbers for its next descriptors.
    if fd >= _FIRST_FREE:
        return fd
    import fcntl

    higher = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE)
    os.close(fd)
    return higher


def _open_null() -> int | None:
    try:
        return _above_standard(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return None
