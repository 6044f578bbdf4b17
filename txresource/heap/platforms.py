"""Where a heap can be looked at, and how."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

__all__ = ("Way", "way_here", "way_to_look")


@dataclass(frozen=True, slots=True)
class Way:
    """How to look at the heap.

    :param forks: in a forked child; else in the process itself, in one call,
        types and counts alone.
    :param refused: the sentence that says why neither can be done, or None.
    """

    forks: bool
    refused: str | None = None


def way_to_look(implementation: str, platform: str, has_fork: bool, has_gil: bool) -> Way:
    """Choose the way for an interpreter.

    :param implementation: as in ``sys.implementation.name``.
    :param platform: as in ``sys.platform``.
    :param has_fork: whether there is ``os.fork``.
    :param has_gil: whether the interpreter was built with its global lock.
    """
    if implementation != "cpython":
        return Way(False, f"snapshots of the heap need CPython, and this is {implementation}")
    if platform == "win32" or not has_fork:
        return Way(False, f"snapshots of the heap need os.fork, which {platform} does not have")
    # System libraries of macOS abort in a forked copy; without the global
    # lock another thread may be in the middle of any object.
    return Way(forks=platform != "darwin" and has_gil)


def way_here() -> Way:
    """The way for the running interpreter."""
    return way_to_look(
        sys.implementation.name,
        sys.platform,
        hasattr(os, "fork"),
        # Builds without the lock bear a "t". Not asked of sysconfig, which
        # imports a module that a user without privileges may not be able to read.
        "t" not in getattr(sys, "abiflags", ""),
    )
