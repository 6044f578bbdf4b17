"""What objects hold, sorted by edges, and which names may be shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

__all__ = ("Held", "ITEM", "KEY", "nameable", "named_edge", "read_namespaces")

#: The edge to what has no name of its own in its holder, and to the key of a mapping.
ITEM = "[*]"
KEY = "[key]"
#: What has more attributes than this holds data in them.
_MOST_NAMES = 5_000
_LONGEST_NAME = 60


class Held:
    """
    What some objects of one type hold.

    :ivar named: what is held by each edge that has a name.
    :ivar items: all that is held by whatever edge, the named ones among them.
    :ivar hidden: the ids of what has no place of its own in a path: the
        dictionary behind attributes, the cells of a closure.
    """

    __slots__ = ("hidden", "items", "named")

    def __init__(self) -> None:
        self.named: defaultdict[str, list[Any]] = defaultdict(list)
        self.items: list[Any] = []
        self.hidden: set[int] = set()


def nameable(name: object) -> bool:
    """Whether a key can stand in a report as a name: short, of one line, an exact string.

    :param name: any object.
    """
    return type(name) is str and 0 < len(name) <= _LONGEST_NAME and name.isprintable()


def named_edge(what: str, name: object) -> str:
    """The edge of something that has a name: ``local variable 'x'``.

    :param what: what it is.
    :param name: any object; of one that cannot be shown nothing is.
    """
    return f"{what} '{name}'" if nameable(name) else what


def read_namespaces(namespaces: Iterable[Any], held: Held) -> None:
    """What namespaces hold: by names, where they are names.

    :param namespaces: dictionaries, also of classes of their own.
    :param held: where to put it.
    """
    columns: defaultdict[str, list[Any]] = defaultdict(list)
    others = held.named[ITEM]
    for namespace in namespaces:
        for name, value in dict.items(namespace):
            if type(name) is str:
                columns[name].append(value)
            else:
                others += (name, value)
    # Attributes that nobody wrote down in a program are data.
    many = len(columns) > _MOST_NAMES
    for name, values in columns.items():
        held.named[ITEM if many or not nameable(name) else f".{name}"] += values
