"""What objects hold, sorted by edges, and which names may be shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

__all__ = (
    "Held",
    "ITEM",
    "KEY",
    "LONGEST_NAME",
    "nameable",
    "nameable_among",
    "named_edge",
    "read_namespaces",
)

#: The edge to what has no name of its own in its holder, and to the key of a mapping.
ITEM = "[*]"
KEY = "[key]"
#: What has more attributes than this holds data in them.
_MOST_NAMES = 5_000
#: A longer key is no name.
LONGEST_NAME = 60


class Held:
    """
    What some objects of one type hold.

    :ivar known: the ids of what is not to be named any more.
    :ivar edges: by the name of an attribute, the edge that it is.
    :ivar named: what is held by each edge that has a name.
    :ivar items: all that is held by whatever edge, the named ones among them.
    :ivar hidden: what has no place of its own in a path: the dictionary
        behind attributes, the cells of a closure.
    :ivar unreal: the ids of what is there only because it was looked at.
    :ivar inline: bytes of the objects themselves that are not seen from outside.
    """

    __slots__ = ("edges", "hidden", "inline", "items", "known", "named", "unreal")

    def __init__(self, known: Collection[int] = (), edges: dict[str, str] | None = None) -> None:
        """
        :param known: see above.
        :param edges: those of what was read before.
        """
        self.known = known
        self.edges: dict[str, str] = {} if edges is None else edges
        self.named: defaultdict[str, list[Any]] = defaultdict(list)
        self.items: list[Any] = []
        self.hidden: list[Any] = []
        self.unreal: set[int] = set()
        self.inline = 0

    def edge(self, name: str) -> str:
        """The edge that an attribute is.

        :param name: its name, an exact string.
        """
        edge = self.edges.get(name)
        if edge is None:
            edge = self.edges[name] = f".{name}" if nameable(name) else ITEM
        return edge


def nameable(name: object) -> bool:
    """Whether a key can stand in a report as a name: short, of one line, an exact string.

    :param name: any object.
    """
    return type(name) is str and 0 < len(name) <= LONGEST_NAME and name.isprintable()


def nameable_among(texts: Iterable[str]) -> frozenset[str]:
    """What :func:`nameable` says of many at once.

    :param texts: exact strings.
    """
    return frozenset([t for t in texts if 0 < len(t) <= LONGEST_NAME and t.isprintable()])


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
    columns: dict[str, list[Any]] = {}
    others, known = held.named[ITEM], held.known
    for namespace in namespaces:
        items: Iterable[tuple[Any, Any]] = dict.items(namespace)
        if known:
            items = [item for item in items if id(item[1]) not in known]
        for name, value in items:
            if type(name) is str:
                if name in columns:
                    columns[name].append(value)
                else:
                    columns[name] = [value]
            else:
                others += (name, value)
    # Attributes that nobody wrote down in a program are data.
    many = len(columns) > _MOST_NAMES
    for name, values in columns.items():
        held.named[ITEM if many else held.edge(name)] += values
