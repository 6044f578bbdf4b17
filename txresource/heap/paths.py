"""The paths by which a heap is reached, as plain frozen data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = (
    "Path",
    "PathRow",
    "Step",
    "count_kinds",
    "decode_paths",
    "encode_paths",
    "fold",
    "path_text",
)

#: A repetition of more steps than this is not looked for.
_LONGEST_PERIOD = 8
_DEEPEST = 60


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


@dataclass(frozen=True, slots=True)
class PathRow:
    """All objects that are reached by one path, and by no shorter one.

    :param path: the way there.
    :param count: how many objects are at its end.
    :param size: their bytes, an estimate.
    """

    path: Path
    count: int
    size: int


def fold(path: Path) -> Path:
    """Shorten a path whose last steps repeat the ones before them, as in a linked list.

    :param path: a path whose own beginning is folded already.
    :returns: the path without the repetition; of one that is too deep, its
        beginning and its last step.
    """
    for period in range(1, min(_LONGEST_PERIOD, (len(path) - 1) // 2) + 1):
        if path[-period:] == path[-2 * period : -period]:
            return path[:-period]
    return path if len(path) <= _DEEPEST else path[: _DEEPEST - 1] + path[-1:]


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


def encode_paths(rows: Sequence[PathRow]) -> dict[str, Any]:
    """Rows as plain data for a pipe or a file, each text and each beginning of a path once.

    :param rows: what to encode.
    """
    texts: dict[str, int] = {}
    places: dict[Path, int] = {(): -1}
    table: list[list[int]] = []
    for row in rows:
        for end in range(1, len(row.path) + 1):
            path = row.path[:end]
            if path in places:
                continue
            step = path[-1]
            edge, kind = (texts.setdefault(text, len(texts)) for text in (step.edge, step.kind))
            places[path] = len(table)
            table.append([places[path[:-1]], edge, kind, 0, 0])
        table[places[row.path]][3:] = [row.count, row.size]
    return {"texts": list(texts), "paths": table}


def decode_paths(data: Any) -> tuple[PathRow, ...]:
    """The rows that :func:`encode_paths` made plain.

    :param data: plain data.
    :raises ValueError: the data is not that of paths.
    """
    paths: list[Path] = []
    rows = []
    try:
        texts = [str(text) for text in data["texts"]]
        for above, edge, kind, count, size in data["paths"]:
            if not -1 <= above < len(paths) or min(edge, kind, count, size) < 0:
                raise ValueError("a number is out of its range")
            start = paths[above] if above >= 0 else ()
            paths.append((*start, Step(texts[edge], texts[kind])))
            if count:
                rows.append(PathRow(paths[-1], int(count), int(size)))
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"these are no paths: {type(error).__name__}") from error
    return tuple(rows)
