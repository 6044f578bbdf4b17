"""What belongs to the look itself, and is therefore not looked at."""

from __future__ import annotations

__all__ = ("Unseen",)


class Unseen:
    """A base of classes whose objects, and what they alone hold, no pass over the heap counts.

    What is kept from one snapshot to the next would else look like something that grows.
    """

    __slots__ = ()
