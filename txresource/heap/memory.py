"""Whether there is room for a second copy of the process.

A copy that writes to all its pages needs them all again. In a container that
is killed as a whole when its memory runs out, so what is asked for must be
there: in the host, and in every control group above the process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ("available_memory", "refusal", "resident_size")

_NEED = 1.5
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_UNLIMITED = 1 << 60
_MIB = 2**20


def resident_size(root: str = "/") -> int:
    """Bytes of memory the process holds; elsewhere than on Linux, the most it ever held.

    :param root: where the ``proc`` file system is found.
    """
    try:
        with open(os.path.join(root, "proc/self/statm"), "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return _peak_size()


def _peak_size() -> int:
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def refusal(rss: int, *, root: str = "/", need: float = _NEED) -> str | None:
    """Why a copy of the process should not be made now.

    :param rss: bytes that the process holds.
    :param root: where the ``proc`` and ``sys`` file systems are found.
    :param need: how much memory the copy may take, as a multiple of ``rss``.
    :returns: one sentence, or None: go on. What cannot be read is no reason.
    """
    wanted = int(rss * need)
    for where, free in available_memory(Path(root)):
        if free < wanted:
            return (
                f"a snapshot may need {wanted // _MIB} MiB of memory,"
                f" and {where} has {free // _MIB} MiB left"
            )
    return None


def available_memory(root: Path) -> Iterator[tuple[str, int]]:
    """What is left, in bytes: in the host, then in each group that has a limit.

    :param root: where the ``proc`` and ``sys`` file systems are found.
    """
    host = _fields(root / "proc/meminfo").get("MemAvailable:")
    if host is not None:
        yield "the host", host * 1024
    for group in _memory_groups(root):
        free = _left_in_v2(group) if (group / "memory.max").exists() else _left_in_v1(group)
        if free is not None:
            yield f"the control group {group.name or 'at the root'}", max(0, free)


def _memory_groups(root: Path) -> Iterator[Path]:
    for line in _lines(root / "proc/self/cgroup"):
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            tops = [root / "sys/fs/cgroup", root / "sys/fs/cgroup/unified"]
        elif "memory" in controllers.split(","):
            tops = [root / "sys/fs/cgroup/memory"]
        else:
            continue
        for top in tops:
            yield from _with_ancestors(top, path)


def _with_ancestors(top: Path, path: str) -> Iterator[Path]:
    # In a container the path may be the host's, which is not to be seen here:
    # the groups that are there count, and the top of the mount always does.
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for depth in range(len(parts), -1, -1):
        group = top.joinpath(*parts[:depth])
        if group.is_dir():
            yield group


def _left_in_v2(group: Path) -> int | None:
    limit, used = _number(group / "memory.max"), _number(group / "memory.current")
    high = _number(group / "memory.high")
    limits = [value for value in (limit, high) if value is not None]
    if used is None or not limits:
        return None
    return min(limits) - used + _fields(group / "memory.stat").get("inactive_file", 0)


def _left_in_v1(group: Path) -> int | None:
    limit = _number(group / "memory.limit_in_bytes")
    used = _number(group / "memory.usage_in_bytes")
    if limit is None or used is None or limit > _UNLIMITED:
        return None
    stat = _fields(group / "memory.stat")
    return limit - used + stat.get("total_inactive_file", stat.get("inactive_file", 0))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []


def _number(path: Path) -> int | None:
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdigit() else None


def _fields(path: Path) -> dict[str, int]:
    split = (line.split() for line in _lines(path))
    return {words[0]: int(words[1]) for words in split if len(words) > 1 and words[1].isdigit()}
