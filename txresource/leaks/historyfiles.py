"""The folder of snapshot files: written as a whole or not at all, and never too many."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress

__all__ = ("HistoryFolder", "MOST_FILES", "history_files", "thinned")

#: No more files than this and the newest one are kept.
MOST_FILES = 64
#: Sorted by name they are sorted by time; the number says how they are thinned.
_NAME = re.compile(r"heap-\d{8}T\d{6}Z-(\d{6,})\.txr\.gz")
_UNFINISHED = ".heap-unfinished.txr.gz"
_OWNER_ONLY = 0o600


def history_files(folder: str) -> list[str]:
    """
    The paths of the snapshots in a folder, the oldest first.

    :raises OSError: the folder cannot be read.
    """
    names = [(int(found[1]), name) for name in os.listdir(folder) if (found := _match(name))]
    return [os.path.join(folder, name) for _, name in sorted(names)]


def thinned(numbers: list[int], most: int = MOST_FILES) -> list[int]:
    """
    Which of the snapshots go, so that the rest are evenly spread over the whole time.

    At first none, later every second one, then three of four, and so on: what is kept then has
    been kept all along. The newest one stays whatever its number.

    :param numbers: of all that are there, in their order.
    :param most: how many may stay beside the newest one.
    """
    step = 1
    while numbers[-1] // step >= most:
        step *= 2
    return [number for number in numbers[:-1] if number % step]


class HistoryFolder:
    """
    Keeps the snapshots of one program, also over its restarts.

    :param path: the folder, which must be there.
    :param most: how many snapshots are kept beside the newest one.
    """

    def __init__(self, path: str, most: int = MOST_FILES) -> None:
        self.path = path
        self._most = most

    def __repr__(self) -> str:
        return f"<HistoryFolder {self.path}>"

    def keep(self, encoded: bytes, taken_at: float) -> str:
        """
        Keep a snapshot, and let go of older ones where there are too many.

        A reader meets the whole file or none. It is for its owner's eyes alone (mode 0600).

        :param encoded: the bytes of the file.
        :param taken_at: seconds since the epoch.
        :returns: the path of the file.
        :raises OSError: it could not be kept; nothing of it is left.
        """
        files = {_number_of(path): path for path in history_files(self.path)}
        number = max(files, default=-1) + 1
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(taken_at))
        path = os.path.join(self.path, f"heap-{stamp}-{number:06d}.txr.gz")
        self._write(path, encoded)
        for gone in thinned([*files, number], self._most):
            with suppress(FileNotFoundError):
                os.unlink(files[gone])
        return path

    def _write(self, path: str, encoded: bytes) -> None:
        unfinished = os.path.join(self.path, _UNFINISHED)
        with suppress(FileNotFoundError):  # a process was killed while it wrote
            os.unlink(unfinished)
        fd = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY)
        try:
            with open(fd, "wb") as file:
                file.write(encoded)
            os.replace(unfinished, path)
        except BaseException:
            os.unlink(unfinished)
            raise


def _match(name: str) -> re.Match[str] | None:
    return _NAME.fullmatch(name)


def _number_of(path: str) -> int:
    found = _match(os.path.basename(path))
    assert found is not None
    return int(found[1])
