"""The names of edges: by what one object holds another, without a look at any value."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from functools import partial
from types import (
    CellType,
    FrameType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any

from txresource.testing.frames import generator_frame, read_locals

__all__ = (
    "describe",
    "edge_name",
    "fold",
    "is_a",
    "namespace_of",
)


def is_a(thing: object, kind: Any) -> bool:
    """What isinstance says, without asking the thing: a proxy answers for another one."""
    return issubclass(type(thing), kind)


def describe(thing: Any) -> str:
    """Name a thing by its type, or by its own name where it is code."""
    if is_a(thing, ModuleType):
        return f"module {(namespace_of(thing) or {}).get('__name__')}"
    if is_a(thing, type):
        return f"class {_type_name(thing)}"
    if type(thing) is FunctionType:
        return f"function {thing.__qualname__}"
    if type(thing) is FrameType:
        return f"frame of {thing.f_code.co_name}"
    frame = generator_frame(thing)
    if frame is not None:
        return f"{type(thing).__name__} {frame.f_code.co_name}"
    return _type_name(type(thing))


def _type_name(kind: type) -> str:
    module = type.__dict__["__module__"].__get__(kind)
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"


def namespace_of(thing: Any) -> dict[str, Any] | None:
    """The dict behind a thing's attributes, read without running its code; ``None``: it has none."""
    if is_a(thing, type):
        # What type hands out is a view; the collector sees the dict behind it.
        behind = gc.get_referents(type.__dict__["__dict__"].__get__(thing))
        return next((found for found in behind if type(found) is dict), None)
    for cls in type(thing).__mro__:
        slot = cls.__dict__.get("__dict__")
        if isinstance(slot, GetSetDescriptorType):
            return slot.__get__(thing)
        if cls is ModuleType:
            return vars(cls)["__dict__"].__get__(thing)
    return None


def edge_name(holder: object, held: object) -> str:
    """
    Say by what one thing holds another: ``.clients``, ``[*]``, ``closure variable 'x'`` …

    :returns: ``(?)`` where that cannot be seen.
    """
    for name, value in _named(holder):
        if value is held:
            return name
    if is_a(holder, (dict, list, tuple, set, frozenset)):
        return "[*]"
    if not is_a(holder, type) and type(holder).__module__ in ("builtins", "collections"):
        return "[*]"
    return "(?)"


def _named(holder: Any) -> Iterable[tuple[str, object]]:
    if is_a(holder, FunctionType):
        for name, cell in zip(holder.__code__.co_freevars, holder.__closure__ or (), strict=False):
            yield f" closure variable {name!r}", _content(cell)
        yield ".__defaults__", holder.__defaults__
        yield ".__kwdefaults__", holder.__kwdefaults__
    elif is_a(holder, MethodType):
        yield ".__self__", holder.__self__
        yield ".__func__", holder.__func__
    elif is_a(holder, partial):
        yield from ((".func", holder.func), (".args", holder.args), (".keywords", holder.keywords))
    elif is_a(holder, CellType):
        yield " content", _content(holder)
    frame = holder if type(holder) is FrameType else generator_frame(holder)
    if frame is not None:
        for name, value in read_locals(frame).items():
            yield f" local variable {name!r}", value
    for name, value in (namespace_of(holder) or {}).items():
        yield f".{name}", value
    for cls in type(holder).__mro__:
        for name, slot in cls.__dict__.items():
            if isinstance(slot, MemberDescriptorType) and name != "__globals__":
                yield f".{name}", _slot(slot, holder)


def _slot(slot: MemberDescriptorType, holder: object) -> object:
    try:
        return slot.__get__(holder)
    except AttributeError:
        return None


def _content(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def fold(path: list[object]) -> list[object]:
    """
    Leave out what has no name of its own: the dict behind attributes, the cells of a closure.

    :param path: from the root to the object.
    """
    kept: list[object] = []
    for step in path:
        above = kept[-1] if kept else None
        behind = type(step) is dict and type(above) is not dict and step is namespace_of(above)
        closed = type(above) is FunctionType and (
            type(step) is CellType or step is above.__closure__
        )
        suspended = type(step) is FrameType and step is generator_frame(above)
        if not (behind or closed or suspended):
            kept.append(step)
    return kept
