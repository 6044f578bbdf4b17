"""What groups of objects keep from being freed: each alone, and together with others."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import Any

from txresource.heap.kinds import Kind
from txresource.heap.paths import Path

__all__ = ("Group", "weigh")

_CHUNK = 20_000


class Group:
    """
    The objects of one path, and what was reached from them and from nowhere before.

    :ivar path: the path.
    :ivar claimed: the objects, by type.
    :ivar met: all that they hold, claimed or not.
    """

    __slots__ = ("claimed", "met", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.claimed: list[tuple[Kind, Sequence[Any]]] = []
        self.met: list[Sequence[Any]] = []


def weigh(groups: Sequence[Group]) -> dict[Path, tuple[int, int]]:
    """By path: the bytes of what a group leads to, evenly split where several do; and the bytes
    that no other group leads to.

    :param groups: in the order in which they claimed.
    """
    whole = [sum(kind.total(things) for kind, things in group.claimed) for group in groups]
    shares, exclusive = [float(size) for size in whole], list(whole)
    for size, owner, others in _shared(groups) if len(groups) > 1 else ():
        shares[owner] -= size * len(others) / (len(others) + 1)
        exclusive[owner] -= size
        for other in others:
            shares[other] += size / (len(others) + 1)
    found = zip(groups, shares, exclusive, strict=True)
    return {group.path: (round(share), alone) for group, share, alone in found}


def _shared(groups: Sequence[Group]) -> list[tuple[int, int, set[int]]]:
    """The objects that several groups lead to: bytes, whose they are, and who else leads there."""
    owners = {
        id(thing): number
        for number, group in enumerate(groups)
        for _, things in group.claimed
        for thing in things
    }
    others: dict[int, set[int]] = {}
    things: dict[int, Any] = {}
    for number, group in enumerate(groups):
        for key, thing in _led_to(number, group, owners).items():
            things[key] = thing
            others.setdefault(key, set()).add(number)
    kinds = {id(kind.tp): kind for group in groups for kind, _ in group.claimed}
    return [
        (kinds[id(type(thing))].total([thing]), owners[key], others[key])
        for key, thing in things.items()
    ]


def _led_to(number: int, group: Group, owners: dict[int, int]) -> dict[int, Any]:
    """What a group leads to and another has claimed."""
    front = [
        each for values in group.met for each in values if owners.get(id(each), number) != number
    ]
    found: dict[int, Any] = {}
    while front:
        new = {id(each): each for each in front if id(each) not in found}
        found |= new
        near = list(new.values())
        front = [
            each
            for start in range(0, len(near), _CHUNK)
            for each in gc.get_referents(*near[start : start + _CHUNK])
            if owners.get(id(each), number) != number
        ]
    return found
