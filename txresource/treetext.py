"""What a tree holds, in numbers and in a few lines, at a cost that does not grow with its width."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import nsmallest

from txresource.outcome import Abandoned
from txresource.sites import describe_site
from txresource.tree import CLOSED, Node

__all__ = (
    "describe_counts",
    "describe_open",
    "in_flight",
    "oldest",
    "open_below",
    "outline",
    "outline_abandoned",
)

#: Of many things of one kind under one parent, so many have a line of their own.
_ALIKE = 5
_PLURALS = {"connecting": "connecting", "datagrams": "datagrams", "process": "processes"}


def _below(node: Node) -> Iterator[Node]:
    todo = [node]
    while todo:
        for child in tuple(todo.pop().children or ()):
            todo.append(child)
            yield child


def open_below(node: Node) -> Iterator[Node]:
    """Give each thing that is open below a node, but for what only holds others."""
    return (child for child in _below(node) if child.closer.counted and child.state is not CLOSED)


def describe_open(node: Node) -> str:
    """Say how many things of each kind are open below a node; ``"nothing"`` where none is."""
    return describe_counts(Counter(child.closer.kind for child in open_below(node)))


def describe_counts(counts: Counter[str]) -> str:
    """Put numbers by kind into words, in the order in which the kinds were met."""
    words = (
        f"{count} {kind if count == 1 else _PLURALS.get(kind, kind + 's')}"
        for kind, count in counts.items()
    )
    return ", ".join(words) or "nothing"


def in_flight(node: Node) -> int:
    """How many things below a node have work under way that a close would wait for."""
    return sum(map(_busy, _below(node)))


def _busy(node: Node) -> bool:
    try:
        return node.state is not CLOSED and node.closer.busy(node) is True
    except Exception:  # what cannot say so is not waited for, either
        return False


def outline(node: Node, most: int = 50) -> str:
    """
    A node and what is below it as text, a line each, with the lines of code that made them.

    Of more than five of one kind under one parent the rest is counted.

    :param most: so many lines; the rest of them is counted in one more.
    """
    lines: list[str] = []
    _outline(node, "", most, lines)
    left = 1 + sum(1 for _ in _below(node)) - len(lines) if len(lines) >= most else 0
    return "\n".join([*lines[:most], *([f"… and {left} more below"] if left > 0 else [])])


def _outline(node: Node, indent: str, most: int, lines: list[str]) -> None:
    lines.append(indent + _line(node))
    indent, seen = indent + "  ", Counter[str]()
    for child in tuple(node.children or ()):
        if len(lines) >= most:
            return
        seen[child.closer.kind] += 1
        if seen[child.closer.kind] <= _ALIKE or child.children:
            _outline(child, indent, most, lines)
    for kind, count in seen.items():
        if count > _ALIKE and len(lines) < most:
            lines.append(f"{indent}… and {count - _ALIKE} more of kind {kind}")


def _line(node: Node) -> str:
    age = node.reactor.seconds() - node.born
    return f"{node.closer.kind} {node.label()}  {node.state}, {age:.1f} s{_made(describe_site(node.site))}"


def _made(created: str | None) -> str:
    return f"  [{created}]" if created else ""


def _owned(node: Node) -> str:
    # Who connects to us has no line of ours; the factory has one.
    owner = None if node.site else node.parent
    if owner is None or owner.parent is None:
        return ""
    return f", of {owner.closer.kind} {owner.label()}{_made(describe_site(owner.site))}"


def oldest(things: Iterable[Node], most: int = _ALIKE) -> str:
    """
    Some things as text, a line each, the oldest first; the line of code that made each, or its owner.

    :param most: so many of them; the rest is counted in one more line.
    """
    things = list(things)
    lines = [
        f"  {_line(node)}{_owned(node)}"
        for node in nsmallest(most, things, key=lambda node: node.born)
    ]
    more = len(things) - len(lines)
    return "\n".join([*lines, *([f"  … and {more} more"] if more else [])])


def outline_abandoned(abandoned: Iterable[Abandoned], most: int = 50) -> str:
    """
    What would not go as text, a line each, below what it was owned by.

    :param most: so many things; the rest is counted in one more line.
    """
    things = sorted(abandoned, key=lambda gone: gone.within)
    lines: list[str] = []
    shown: tuple[str, ...] = ()
    for gone in things[:most]:
        for depth, owner in enumerate(gone.within):
            if shown[: depth + 1] != gone.within[: depth + 1]:
                lines.append("  " * depth + owner)
        shown = gone.within
        why = gone.error or "it does not end"
        lines.append(f"{'  ' * len(shown)}{gone.what}: {why}{_made(gone.created_at)}")
    more = len(things) - most
    return "\n".join([*lines, *([f"… and {more} more"] if more > 0 else [])])
