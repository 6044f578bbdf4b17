"""What a tree holds, in a number and in a few lines, at a cost that does not grow with its width."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from txresource.sites import describe_site
from txresource.tree import CLOSED, Node

__all__ = (
    "count_open",
    "in_flight",
    "outline",
)

#: Of many things of one kind under one parent, so many have a line of their own.
_ALIKE = 5


def _below(node: Node) -> Iterator[Node]:
    todo = [node]
    while todo:
        for child in tuple(todo.pop().children or ()):
            todo.append(child)
            yield child


def count_open(node: Node) -> int:
    """How many things are open below a node, not counting what only holds others."""
    return sum(child.closer.counted and child.state is not CLOSED for child in _below(node))


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
    created = describe_site(node.site)
    age = node.reactor.seconds() - node.born
    where = f"  [{created}]" if created else ""
    lines.append(f"{indent}{node.closer.kind} {node.label()}  {node.state}, {age:.1f} s{where}")
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
