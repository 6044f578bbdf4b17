"""Every error of txresource that a user can meet; all share one base class."""

from __future__ import annotations

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
    """Work in flight was ended because its owner closed."""


class CloseFromInside(ResourceError):
    """A task waits for the close that waits for the task."""


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
