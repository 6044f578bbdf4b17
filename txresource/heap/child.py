"""What a forked copy of the process does first and last, so that it harms nobody.

The copy shares every socket, lock and finalizer with its parent. It must not
run any of them: no collection, no closing of objects, no logging, no import,
no opening of files once the inherited descriptors are closed, and no return.
Nothing of the parent's may lose its last reference here, therefore what is
replaced is kept.
"""

from __future__ import annotations

import gc
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn

from txresource.heap.stages import encode_stage, write_all

__all__ = ("CATCHABLE", "Job", "Orders", "Send", "be_child", "close_all_but", "highest_descriptor")

_UNCATCHABLE = {"SIGKILL", "SIGSTOP"}
CATCHABLE = frozenset(
    n for n in signal.valid_signals() if getattr(n, "name", None) not in _UNCATCHABLE
)
_NICENESS = 10

#: Sends one stage: its name, and plain data or bytes.
Send = Callable[[str, Any], None]
#: Gets the innermost frame of each thread that the parent had: the copy has one thread alone.
Job = Callable[[Send, Sequence[FrameType]], None]

_kept_alive: list[Any] = []


@dataclass(frozen=True, slots=True)
class Orders:
    """What a child needs to know from the first line on.

    :param job: what to run.
    :param pipe: the descriptor to write results to.
    :param null: an open ``/dev/null``; None where there is none.
    :param keep: further descriptors that stay open.
    :param lifetime: seconds after which the child ends even without a parent.
    """

    job: Job
    pipe: int
    null: int | None
    keep: tuple[int, ...]
    lifetime: float


def be_child(orders: Orders, frames: Sequence[FrameType]) -> NoReturn:
    """Be the child: disarm the copy, run the job, send its stages, and end.

    :param orders: what to do.
    :param frames: the innermost frame of each thread that the parent has.
    """
    status = 1
    try:
        gc.disable()
        # Early: until then the copy and its parent may take turns on one core.
        _step_back()
        gc.unfreeze()
        _kept_alive.append(frames)
        _drop_callbacks(orders.lifetime)
        keep = _silence(orders)
        # Opened while every number that means something is still taken.
        _volunteer_for_oom()
        memory = _open_or_none("/proc/self/smaps_rollup")
        close_all_but(keep if memory is None else keep | {memory})
        status = _run_job(orders, frames, memory)
    finally:
        os._exit(status)


def _drop_callbacks(lifetime: float) -> None:
    _kept_alive.extend((sys.gettrace(), sys.getprofile()))
    sys.settrace(None)
    sys.setprofile(None)
    _kept_alive.extend(signal.signal(number, signal.SIG_DFL) for number in CATCHABLE)
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.alarm(math.ceil(lifetime))


def _volunteer_for_oom() -> None:
    # When memory runs out the kernel shall take the copy, not the service.
    with suppress(OSError):
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        try:
            os.write(fd, b"1000")
        finally:
            os.close(fd)


def _open_or_none(path: str) -> int | None:
    try:
        return os.open(path, os.O_RDONLY)
    except OSError:
        return None


def _silence(orders: Orders) -> set[int]:
    keep = {orders.pipe, *orders.keep}
    if orders.null is None:
        return keep
    for standard in (0, 1, 2):
        os.dup2(orders.null, standard)
    return keep | {0, 1, 2}


def highest_descriptor() -> int:
    """The highest descriptor that may be open."""
    try:
        return max(map(int, os.listdir("/proc/self/fd")))
    except (OSError, ValueError):
        return os.sysconf("SC_OPEN_MAX") - 1


def close_all_but(keep: Collection[int]) -> None:
    """Close descriptors by number alone, whatever objects stand for them.

    :param keep: the descriptors that stay open.
    """
    start = 0
    for fd in [*sorted(keep), max(*keep, highest_descriptor()) + 1]:
        # An empty range is not empty to os.closerange where it begins at 0:
        # CPython passes -1 on as the last descriptor, and all are closed.
        if start < fd:
            os.closerange(start, fd)
        start = fd + 1


def _step_back() -> None:
    # A tenth of a core where others want all of it. SCHED_IDLE would be nothing at all there:
    # a busy machine would never see the end of a snapshot, and a killed child would not even die.
    with suppress(OSError):
        os.nice(_NICENESS)


def _run_job(orders: Orders, frames: Sequence[FrameType], memory: int | None) -> int:
    def send(stage: str, data: Any) -> None:
        write_all(orders.pipe, encode_stage(stage, data))

    try:
        orders.job(send, frames)
    except BaseException as error:
        # The name alone: a message may hold the user's data.
        send("error", {"type": type(error).__name__})
        return 1
    send("end", {"cpu": time.process_time(), "memory": _private_dirty(memory)})
    return 0


def _private_dirty(fd: int | None) -> int | None:
    if fd is None:
        return None
    for line in os.read(fd, 65536).splitlines():
        if line.startswith(b"Private_Dirty:"):
            return int(line.split()[1]) * 1024
    return None
