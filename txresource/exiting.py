"""The end of a process in which threads go on that nobody can stop."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable

from twisted.logger import Logger

__all__ = ("end_without",)

log = Logger()

#: The exit status of a process that was ended so.
_STATUS = 1


def end_without(threads: Iterable[threading.Thread]) -> None:
    """
    Let the process end when its main thread does, whatever these threads do.

    Python waits for every thread that is no daemon, without end for one that blocks. The exit
    status is 1 then, and what ``atexit`` was given is not called.
    """
    stuck = tuple(threads)
    if stuck:
        log.warn(
            "the process will end without its threads that do not end: {names}",
            names=", ".join(thread.name for thread in stuck),
        )
        watch = threading.Thread(target=_watch, args=(stuck,), daemon=True, name="txresource end")
        watch.start()


def _watch(stuck: tuple[threading.Thread, ...]) -> None:
    # Returns when Python begins to wait for the others, those of the program's own among them.
    threading.main_thread().join()
    for thread in threading.enumerate():
        if not thread.daemon and thread not in (*stuck, threading.main_thread()):
            thread.join()
    if not any(thread.is_alive() for thread in stuck):
        return
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # none, broken, or closed
            pass
    os._exit(_STATUS)
