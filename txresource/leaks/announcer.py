"""When a finding is news: once when it is proven, once when it has settled, and never too often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from txresource.heap.unseen import Unseen

__all__ = ("Announcer", "QUIET")

#: Seconds before anything is said of the same finding again.
QUIET = 3600.0

_Entry = Mapping[str, Any]


class Announcer(Unseen):
    """Remembers what was said of which finding."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        # By signature: whether it held when something was said of it, and when that was.
        self._told: dict[str, tuple[bool, float]] = {}

    def news(self, entries: Iterable[_Entry], holds: bool, now: float) -> list[_Entry]:
        """
        Which of some findings are to be told now; they count as told.

        :param entries: all findings that hold, or all that have settled.
        :param holds: which of the two.
        :param now: seconds since the epoch.
        """
        return [entry for entry in entries if self._is_news(entry["signature"], holds, now)]

    def _is_news(self, signature: str, holds: bool, now: float) -> bool:
        # One that was never told to hold need not be told to have settled.
        told, when = self._told.get(signature, (False, -QUIET))
        if told == holds or now - when < QUIET:
            return False
        self._told[signature] = (holds, now)
        return True
