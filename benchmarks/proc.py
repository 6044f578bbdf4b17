"""What the kernel knows of another process: its memory, its CPU, its descriptors, its children."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ("Proc", "settled", "steady")

_HERTZ = os.sysconf("SC_CLK_TCK")


class Proc:
    """
    Reads ``/proc`` of one process.

    :param pid: the process; it may be this one.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._path = Path("/proc", str(pid))

    def rss(self) -> int:
        """Bytes that it holds, counted page by page: what ``statm`` says lags behind by some."""
        for line in (self._path / "smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
        raise ValueError(f"process {self.pid} does not say what it holds")

    def cpu(self) -> float:
        """Seconds of CPU that its threads have used, its children's apart."""
        each = (self._path / "task").glob("*/schedstat")
        return sum(int(path.read_text().split()[0]) for path in each) / 1e9

    def children_cpu(self) -> float:
        """Seconds of CPU of the children that it has reaped, to a hundredth."""
        user, system = self._stat()[13:15]
        return (int(user) + int(system)) / _HERTZ

    def descriptors(self) -> int:
        """How many descriptors it has open."""
        return len(os.listdir(self._path / "fd"))

    def children(self) -> list[int]:
        """Its children, the dead that nobody has reaped among them."""
        each = (self._path / "task").glob("*/children")
        return [int(pid) for path in each for pid in path.read_text().split()]

    def zombies(self) -> int:
        """How many of its children are dead and not reaped."""
        return sum(1 for pid in self.children() if Proc(pid).state() == "Z")

    def state(self) -> str:
        """Its state in a letter; none where it is gone."""
        try:
            return self._stat()[0]
        except OSError:
            return ""

    def _stat(self) -> list[str]:
        # From the state on: the name before it may hold anything.
        return (self._path / "stat").read_text().rpartition(") ")[2].split()


def settled(read: Callable[[], int], wanted: int, seconds: float = 20.0) -> int:
    """Read again until it is no more than this, for as long at most."""
    end = time.monotonic() + seconds
    while (value := read()) > wanted and time.monotonic() < end:
        time.sleep(0.05)
    return value


def steady(read: Callable[[], int]) -> int:
    """Read again until it has been the same for half a second."""
    last = [read()]
    while len(last) < 10:
        time.sleep(0.05)
        value = read()
        last = [*last, value] if value == last[-1] else [value]
    return last[-1]
