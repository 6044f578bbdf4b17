"""What became of the things that a close went over."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from twisted.python.failure import Failure

from txresource.errors import ResourceError

__all__ = (
    "Abandoned",
    "Outcome",
    "summary",
)


@dataclass(frozen=True, slots=True)
class Abandoned:
    """
    A thing that would not go.

    :ivar what: kind and name.
    :ivar created_at: the line that made it; ``None`` where that is not known.
    :ivar waited: seconds from the begin of the close.
    :ivar error: the type name of the error with which it refused; ``None``: it never answered.
    :ivar within: kinds and names of what owned it, the outermost first; the root is left out.
    """

    what: str
    created_at: str | None
    waited: float
    error: str | None
    within: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Outcome:
    """What became of the things in a subtree, counted by kind; equal to nothing but itself."""

    closed: Counter[str] = field(default_factory=Counter)
    aborted: Counter[str] = field(default_factory=Counter)
    abandoned: list[Abandoned] = field(default_factory=list)


def summary(errors: list[Failure]) -> Failure:
    """One failure for all that went wrong."""
    if len(errors) == 1:
        return errors[0]
    names = ", ".join(type(error.value).__name__ for error in errors)
    return Failure(ResourceError(f"{len(errors)} things failed to close: {names}"))
