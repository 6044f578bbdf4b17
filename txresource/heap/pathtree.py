"""The shortest paths from named roots to every object, found in one pass over the heap.

The tree is one of paths, not of objects: all that is reached from the same
place by the same edge, and is of the same kind, is one node. An object belongs
to the first node that reaches it: the nearest to a root, and of equally near
ones the first by name. The order of attributes, of keys and of addresses has no
say, so that the paths are alike on every interpreter.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Mapping, Sequence
from itertools import chain, compress
from operator import not_
from types import ModuleType
from typing import Any

from txresource.heap.edges import EdgeReader, values_of
from txresource.heap.held import ITEM, KEY, Held
from txresource.heap.kinds import Kind, Kinds, size_themselves
from txresource.heap.parts import PartFinder
from txresource.heap.paths import BOUNDED, DEEPEST, LONGEST_PERIOD, Path, PathRow, Step, fold
from txresource.heap.roots import Root
from txresource.heap.slots import attribute_getter
from txresource.heap.weights import Group

__all__ = ("PathTree",)

#: Whose items throw out what is too much, by the kind of the owner and the edge to their holder.
_BOUNDED_PLACES = frozenset([("twisted.web.client.HTTPConnectionPool", "._connections")])
#: What many classes have and nobody else than their makers looks at has one place for all.
_OF_EVERY_CLASS = frozenset(
    (
        ".__attrs_attrs__",
        ".__attrs_props__",
        ".__dataclass_fields__",
        ".__dataclass_params__",
        ".__implemented__",
        ".__orig_bases__",
        ".__provides__",
        "._abc_impl",
    )
)
_INTERFACE = ".InterfaceClass"
_NAMELESS = frozenset((ITEM, KEY))
#: A chain is followed so far before what hangs in its links is looked at.
_LONGEST_RUN = 20_000
#: Chains are looked for where no more branches than this are left.
_FEW = 8
#: What a named tuple's own constructor calls.
_new: Any = tuple.__new__
_get_namespace: Any = vars(ModuleType)["__dict__"].__get__


class _Node:
    """
    All that is reached by one path.

    A program has ten thousand of them with one object each, so that a path is made of a node's
    steps when it is asked for, and not before.

    :ivar edge: the last step's edge; empty for the trunk, which has no step.
    :ivar kind: the last step's kind.
    :ivar count: its objects.
    :ivar size: their bytes.
    :ivar defines: whether they are modules, functions or classes. Names, texts and code are part of
        one; there are too many for places of their own.
    """

    __slots__ = (
        "_above",
        "_below",
        "_bounds",
        "_depth",
        "count",
        "defines",
        "edge",
        "kind",
        "size",
    )

    def __init__(self, above: _Node | None = None, edge: str = "", kind: str = "") -> None:
        """
        :param above: the node one step back; None: this is the trunk.
        :param edge: by what that one's objects hold these.
        :param kind: the name of their kind.
        """
        self.edge = edge
        self.kind = kind
        self.count = self.size = 0
        self.defines = False
        self._above = above
        self._below: dict[tuple[str, str], _Node] = {}
        self._depth: int = 0 if above is None else above._depth + 1
        self._bounds = above is not None and (above.kind, edge) in _BOUNDED_PLACES

    @property
    def path(self) -> Path:
        """The way to it."""
        steps: list[Step] = []
        node: _Node | None = self
        while node is not None and node._above is not None:
            steps.append(Step(node.edge, node.kind))
            node = node._above
        return tuple(reversed(steps))

    @property
    def repeats(self) -> bool:
        """Whether its last step leads from its objects to more of them."""
        return self._below.get((self.edge, self.kind)) is self

    def child(self, edge: str, kind: str) -> _Node:
        """The node one step further, which may be one on the way here.

        :param edge: by what its objects are held.
        :param kind: the name of their kind.
        """
        step = edge, kind + BOUNDED if self._bounds else kind
        node = self._below.get(step)
        if node is None:
            repeats = self._depth >= DEEPEST or self._has_near(*step)
            node = (self._folded(*step) if repeats else None) or _Node(self, *step)
            self._below[step] = node
        return node

    def _folded(self, edge: str, kind: str) -> _Node | None:
        """The node to which a step leads back, where it repeats the ones before it."""
        path = (*self.path, Step(edge, kind))
        folded = fold(path)
        return None if folded == path else self._node_of(folded)

    def _has_near(self, edge: str, kind: str) -> bool:
        node: _Node | None = self
        for _ in range(LONGEST_PERIOD):
            if node is None:
                return False
            if node.edge == edge and node.kind == kind:
                return True
            node = node._above
        return False

    def _node_of(self, path: Path) -> _Node:
        node: _Node | None = self
        while node is not None and node.path != path[: node._depth]:
            node = node._above
        assert node is not None
        return node if node._depth == len(path) else node.child(*path[-1])

    def rows(self) -> tuple[PathRow, ...]:
        """What is at this node and those below it, in the order of their paths."""
        found: list[PathRow] = []
        self._add_rows(self.path, found)
        return tuple(found)

    def _add_rows(self, path: Path, found: list[PathRow]) -> None:
        if self.count:
            found.append(_new(PathRow, (path, self.count, self.size)))
        for step in sorted(self._below):
            node = self._below[step]
            if node._above is self:
                node._add_rows((*path, _new(Step, step)), found)


#: Objects of one kind at one node, in the lists in which they were found.
_Branch = tuple[_Node, Kind, list[Sequence[Any]]]


class _Front:
    """What is to be asked next for what it holds: all that is at one node at once."""

    def __init__(self) -> None:
        self._branches: dict[tuple[_Node, Kind], list[Sequence[Any]]] = {}

    def add(self, node: _Node, kind: Kind, things: Sequence[Any]) -> None:
        self._branches.setdefault((node, kind), []).append(things)

    def __bool__(self) -> bool:
        return bool(self._branches)

    def take(self) -> list[_Branch]:
        """All of it, the last one to be added first; nothing is left."""
        branches, self._branches = self._branches, {}
        return [(*key, things) for key, things in reversed(branches.items())]


class PathTree:
    """Grows from one root after the other; what an earlier one reached is not reached again.

    :param reader: names the edges.
    :param last: paths whose objects are asked for what they hold after all others.
    :ivar kinds: what was found, by type.
    """

    def __init__(self, reader: EdgeReader, last: Collection[Path] = ()) -> None:
        self._reader = reader
        self._last = frozenset(last)
        self._last_steps = frozenset(path[-1] for path in last)
        self.kinds = Kinds()
        self._seen: set[int] = set()
        reader.known = self._seen
        self._parts = PartFinder(self._seen)
        self._trunk = _Node()
        # Behind weak containers: held only as long as somebody else holds the key.
        self._postponed = _Front()
        self._waiting: list[tuple[_Node, Kind, Sequence[Any]]] = []
        self._unseen: list[Any] = []
        # Parts of what is being looked at, whose bytes are that one's own.
        self._absorbed: list[Any] = []
        # The one of those that is being looked at.
        self._group: Group | None = None
        self._groups: list[Group] = []

    def unreached(self, things: Sequence[Any]) -> list[Any]:
        """Those objects to which no path leads.

        :param things: objects that were there before the tree.
        """
        seen = self._seen
        # Without a loop: it is asked of all objects there are.
        return list(compress(things, map(not_, map(seen.__contains__, map(id, things)))))

    def pass_over(self) -> None:
        """Reach what hangs in what is not to be looked at, and on nothing else, and count none."""
        seen, front = self._seen, self._unseen
        add = seen.add
        while front:
            held = gc.get_referents(*front)
            front = [each for each in held if (key := id(each)) not in seen and not add(key)]

    def rows(self) -> tuple[PathRow, ...]:
        """What was reached so far, in the order of the paths."""
        return self._trunk.rows()

    def grow(self, roots: Sequence[Root]) -> None:
        """Reach all that roots lead to, level by level.

        :param roots: the first has the first claim.
        """
        for root in roots:
            modules = (each for each in root.things if type(each) is ModuleType)
            self._parts.outside.update(id(_get_namespace(module)) for module in modules)
        front = _Front()
        for root in roots:
            self._claim(self._trunk, root.name, root.things, front)
        self._reach(front)

    def grow_last(self) -> list[Group]:
        """Reach what is left, from those objects that were to wait for all others.

        :returns: what each of their paths leads to, of this call and those before.
        """
        waiting: dict[Path, list[tuple[_Node, Kind, Sequence[Any]]]] = {}
        for branch in self._waiting:
            waiting.setdefault(branch[0].path, []).append(branch)
        self._waiting = []
        # What a group leads to is all that it holds, whoever has claimed that.
        self._reader.known = ()
        for path in sorted(waiting):
            self._group = Group(path)
            self._groups.append(self._group)
            front = _Front()
            for node, kind, things in waiting[path]:
                self._group.claimed.append((kind, things))
                front.add(node, kind, things)
            self._reach(front)
        self._group, self._reader.known = None, self._seen
        return self._groups

    def _reach(self, front: _Front) -> None:
        while front or self._postponed:
            if not front:
                front, self._postponed = self._postponed, front
            branches = front.take()
            if len(branches) <= _FEW:
                branches = list(map(self._run, branches))
            # Let go of each as soon as it is done: together they are as many as the heap.
            while branches:
                self._expand(branches.pop(), front)

    def _run(self, branch: _Branch) -> _Branch:
        """A chain as one branch: else each of its links would be a level of its own."""
        node, kind, lists = branch
        # The step here has led back here: it is the one from link to link.
        if not node.repeats or kind.split is not None or sum(map(len, lists)) != 1:
            return branch
        getter = attribute_getter(kind.tp)
        run, seen = [lists[0][0]], self._seen
        while len(run) < _LONGEST_RUN:
            held = gc.get_referents(run[-1] if getter is None else _namespace(getter, run[-1]))
            near = [each for each in held if type(each) is kind.tp and id(each) not in seen]
            if len(near) != 1:
                break
            seen.add(id(near[0]))
            run += near
        self._count(node, kind, run[1:])
        return node, kind, [run]

    def _expand(self, branch: _Branch, level: _Front) -> None:
        node, kind, lists = branch
        things = lists[0] if len(lists) == 1 else list(chain.from_iterable(lists))
        if node.defines and self._group is None:
            self._absorbed += self._parts.take_among(values_of(kind.tp, things))
        held = self._reader.read(kind.tp, things, node.edge)
        self._hide(node, kind, held)
        named = held.named
        items = named.pop(ITEM, []) + held.items
        found = self._postponed if kind.weak else level
        for edge in sorted(self._unseen_edges(named) if self._group is None else named):
            self._claim(node, edge, named[edge], found)
        if items:
            self._claim(node, ITEM, items, found)
        if self._absorbed:
            node.size += self.kinds.add_parts(self._absorbed)
            self._absorbed = []

    def _unseen_edges(self, named: Mapping[str, Sequence[Any]]) -> list[str]:
        seen = self._seen
        # One object holds one by a name, and that is mostly known.
        return [
            edge
            for edge, values in named.items()
            if values and (len(values) > 1 or id(values[0]) not in seen)
        ]

    def _hide(self, node: _Node, owner: Kind, held: Held) -> None:
        node.size += held.inline
        owner.size += held.inline
        new = self._new(held.hidden) if held.hidden else ()
        if size_themselves(new):
            self._absorbed += new
        else:
            node.size += self.kinds.add(new)
        if held.unreal:
            self._seen |= held.unreal

    def _claim(self, above: _Node, edge: str, values: Sequence[Any], found: _Front) -> None:
        if self._group is not None:
            self._group.met.append(values)
        new = self._new(values)
        if not new:
            return
        if above.defines:
            new = self._with_parts_taken(edge, new)
            if not new:
                return
            if edge in _OF_EVERY_CLASS:
                above = self._trunk.child("every class", "type")
        named = above is not self._trunk and edge not in _NAMELESS
        for name, kind, alike in self.kinds.sort(new, named):
            if kind.unseen:
                self._unseen += alike
                continue
            if above.defines and name.endswith(_INTERFACE):
                node = self._trunk.child("every interface", name)
            else:
                node = above.child(edge, name)
            self._count(node, kind, alike)
            if kind.inner:
                node.defines = kind.defines
                if self._last and self._group is None and self._waits(node):
                    self._waiting.append((node, kind, alike))
                else:
                    found.add(node, kind, alike)

    def _new(self, things: Sequence[Any]) -> Sequence[Any]:
        """Those of some objects that were not reached before."""
        seen = self._seen
        add = seen.add
        if len(things) == 1:
            key = id(things[0])
            return () if key in seen or add(key) else things
        # One look and one step for each object of the heap: this line is a third of the pass.
        return [each for each in things if (key := id(each)) not in seen and not add(key)]

    def _waits(self, node: _Node) -> bool:
        # Most are told by their last step: a path takes a while to be made.
        return (node.edge, node.kind) in self._last_steps and node.path in self._last

    def _count(self, node: _Node, kind: Kind, things: Sequence[Any]) -> None:
        node.count += len(things)
        node.size += kind.add(things)
        if self._group is not None:
            self._group.claimed.append((kind, things))

    def _with_parts_taken(self, edge: str, things: Sequence[Any]) -> list[Any]:
        """Take what is a mere part of a definition; what is more than that is returned."""
        parts = [self._parts.take(edge, thing) for thing in things]
        self._absorbed += chain.from_iterable(parts)
        return [thing for thing, own in zip(things, parts, strict=True) if not own]


def _namespace(getter: Any, thing: Any) -> Any:
    try:
        return getter(thing)
    except Exception:
        return thing
