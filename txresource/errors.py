"""Every error of txresource that a user can meet; all share one base class."""

from __future__ import annotations

from typing import Any

from txresource.sites import Site, describe_site

__all__ = (
    "CloseFromInside",
    "ResourceClosed",
    "ResourceDraining",
    "ResourceError",
    "ResourceInterrupted",
    "ResourceNotOpen",
    "SnapshotError",
    "SnapshotFailed",
    "SnapshotRefused",
    "WrongProcess",
    "WrongThread",
)


class ResourceError(Exception):
    """The base of every error that txresource raises or fails a Deferred with."""


class ResourceClosed(ResourceError):
    """Something was asked of a thing that is closed."""


class ResourceDraining(ResourceClosed):
    """Something new was asked of a thing that only finishes what it has begun."""


class ResourceNotOpen(ResourceClosed):
    """Something was asked of a thing that has not been opened yet."""


class ResourceInterrupted(ResourceError):
    """
    Work in flight was ended because its owner closed.

    Its cause is the ``CancelledError`` with which the work ended; there is none where the work
    swallowed that and was abandoned.

    :param what: kind and name of the work.
    :param elapsed: seconds from the begin of the close to the end of the work.
    :param grace: seconds that the close gave to work in flight.
    :param closed_by: the line that called for the close, or words; ``None``: not known.
    """

    def __init__(
        self, what: str, elapsed: float, grace: float, closed_by: Site | str | None
    ) -> None:
        super().__init__(what, elapsed, grace)
        self.what = what
        self.elapsed = elapsed
        self.grace = grace
        self._by = closed_by

    @property
    def closed_by(self) -> str | None:
        """The line that called for the close, put into words when it is asked for."""
        return describe_site(self._by)

    def __str__(self) -> str:
        by = f" by {self.closed_by}" if self._by else ""
        return (
            f"{self.what} was interrupted {self.elapsed:.1f} s after its owner was closed{by},"
            f" with a grace of {self.grace:.1f} s"
        )

    def __reduce__(self) -> Any:
        return type(self), (self.what, self.elapsed, self.grace, self.closed_by)


class CloseFromInside(ResourceError):
    """
    A task called ``close()`` on its own scope, or on one above: the close waits for the task.

    The close has begun all the same.
    """


class WrongThread(ResourceError):
    """A method for the reactor's thread was called from another one."""


class WrongProcess(ResourceError):
    """A thing opened before a fork was used in the forked child."""


class SnapshotError(ResourceError):
    """No snapshot of the heap could be had; the service itself is unharmed."""


class SnapshotRefused(SnapshotError):
    """A snapshot was not begun: the message says what it would have endangered."""


class SnapshotFailed(SnapshotError):
    """A snapshot was begun and lost: the message says what became of its child."""
