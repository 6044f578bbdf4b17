"""The paths by which a heap is reached, as plain frozen data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

__all__ = (
    "BOUNDED",
    "CLASS",
    "Counted",
    "DEEPEST",
    "LARGEST",
    "LONGEST_PERIOD",
    "Path",
    "PathRow",
    "Step",
    "count_kinds",
    "decode_counted",
    "decode_paths",
    "encode_counted",
    "encode_paths",
    "fold",
    "path_text",
)

#: Stands behind the name of what throws out what is too much.
BOUNDED = " (bounded)"
#: Stands before the name of a class that is a place of its own, and not what is made of it.
CLASS = "class "
#: No number of objects or bytes is as large as this.
LARGEST = 2**63
#: A repetition of more steps than this is not looked for.
LONGEST_PERIOD = 8
#: A path has no more steps than this.
DEEPEST = 60


class Step(NamedTuple):
    """One step of a path; a tuple, because paths are compared by the ten thousand.

    :param edge: by what the object before holds this one: ``.clients``,
        ``[*]``, ``local variable 'x'``; of the first step, what root it is.
    :param kind: the type it leads to, for code with the name of the function.
    """

    edge: str
    kind: str


#: From a root to an object, by what leads from each object to the next.
Path = tuple[Step, ...]


class PathRow(NamedTuple):
    """All objects that are reached by one path, and by no shorter one; a tuple, as there are ten
    thousand of them.

    :param path: the way there.
    :param count: how many objects are at its end.
    :param size: their bytes, an estimate.
    """

    path: Path
    count: int  # type: ignore[assignment]
    size: int


def fold(path: Path) -> Path:
    """Shorten a path whose last steps repeat the ones before them, as in a linked list.

    :param path: a path whose own beginning is folded already.
    :returns: the path without the repetition; of one that is too deep, its
        beginning and its last step.
    """
    for period in range(1, min(LONGEST_PERIOD, (len(path) - 1) // 2) + 1):
        if path[-period:] == path[-2 * period : -period]:
            return path[:-period]
    return path if len(path) <= DEEPEST else path[: DEEPEST - 1] + path[-1:]


def path_text(path: Path) -> str:
    """A path in one line: ``module app .ROOM app.Room .messages list [*] app.Message``.

    :param path: a path.
    """
    first, *rest = path
    start = (
        first.edge
        if first.kind.split(" ")[0] in ("module", "frame")
        else f"{first.edge}: {first.kind}"
    )
    return " ".join([start, *(f"{step.edge} {step.kind}" for step in rest)])


def count_kinds(rows: Iterable[PathRow]) -> dict[str, tuple[int, int]]:
    """How many objects of each kind there are, and their bytes, over all paths.

    :param rows: any rows.
    """
    kinds: dict[str, tuple[int, int]] = {}
    for row in rows:
        kind = row.path[-1].kind
        count, size = kinds.get(kind, (0, 0))
        kinds[kind] = count + row.count, size + row.size
    return kinds


#: A path, how many objects are at its end, and their bytes: a row that costs nothing to make.
Counted = tuple[Path, int, int]


def encode_paths(rows: Iterable[PathRow]) -> dict[str, Any]:
    """Rows as plain data for a pipe or a file, each text and each beginning of a path once.

    :param rows: what to encode; in the order of their paths it is quickest.
    """
    return encode_counted((row.path, row.count, row.size) for row in rows)


def encode_counted(rows: Iterable[Counted]) -> dict[str, Any]:
    """The same, of rows that are plain: each a path, its objects and their bytes.

    :param rows: what to encode.
    """
    texts: dict[str, int] = {}
    places: dict[Path, int] = {(): -1}
    table: list[list[int]] = []

    def put(path: Path, count: int, size: int) -> None:
        above = places.get(path[:-1])
        if above is None:
            put(path[:-1], 0, 0)
            above = places[path[:-1]]
        edge, kind = path[-1]
        row = [
            above,
            texts.setdefault(edge, len(texts)),
            texts.setdefault(kind, len(texts)),
            count,
            size,
        ]
        place = places.setdefault(path, len(table))
        if place == len(table):
            table.append(row)
        else:
            table[place] = row

    for row in rows:
        put(*row)
    return {"texts": list(texts), "paths": table}


def decode_paths(data: Any) -> tuple[PathRow, ...]:
    """The rows that :func:`encode_paths` made plain.

    :param data: plain data.
    :raises ValueError: the data is not that of paths.
    """
    return tuple(PathRow(*row) for row in decode_counted(data))


def decode_counted(data: Any) -> list[Counted]:
    """The rows that :func:`encode_counted` made plain.

    :param data: plain data.
    :raises ValueError: the data is not that of paths.
    """
    paths: list[Path] = []
    rows: list[Counted] = []
    # What a named tuple's own constructor calls.
    new = tuple.__new__
    try:
        texts = [str(text) for text in data["texts"]]
        for above, edge, kind, count, size in data["paths"]:
            if above < -1 or edge < 0 or kind < 0:
                raise ValueError("a place is out of its range")
            if not (0 <= count < LARGEST and 0 <= size < LARGEST):
                raise ValueError("a number is out of its range")
            step = new(Step, (texts[edge], texts[kind]))
            path = (step,) if above == -1 else (*paths[above], step)
            paths.append(path)
            if count:
                rows.append((path, int(count), int(size)))
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"these are no paths: {type(error).__name__}") from error
    return rows
