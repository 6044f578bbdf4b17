"""Read the variables of frames, suspended generators and contexts."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from contextvars import Context
from inspect import CO_OPTIMIZED
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType
from typing import Any

from txresource.heap.held import KEY, Held, nameable, named_edge
from txresource.heap.typeinfo import is_heap_type

__all__ = ("GENERATORS", "module_of", "read_contexts", "read_frames", "read_suspended")

#: By the id of the type: the attributes that hold the frame, and what is waited for.
GENERATORS: dict[int, tuple[str, str]] = {
    id(AsyncGeneratorType): ("ag_frame", "ag_await"),
    id(CoroutineType): ("cr_frame", "cr_await"),
    id(GeneratorType): ("gi_frame", "gi_yieldfrom"),
}


def module_of(frame: FrameType) -> str:
    """The name of the module whose code a frame runs; ``?`` where it has none.

    :param frame: any frame.
    """
    # Walked, not searched: a search would call __eq__ of a key that pretends to be a string.
    for key, value in dict.items(frame.f_globals):
        if type(key) is str and key == "__name__" and nameable(value):
            return str(value)
    return "?"


def _read_locals(frame: FrameType, held: Held) -> None:
    # The namespace of a class body may be an object of the program's own.
    if not frame.f_code.co_flags & CO_OPTIMIZED:
        return
    values = frame.f_locals
    # Until 3.12 the frame keeps this dict; later it is a view that nobody keeps.
    if type(values) is dict:
        held.unreal.add(id(values))
    for name, value in values.items():
        held.named[named_edge("local variable", name)].append(value)


def read_frames(things: Sequence[FrameType], held: Held) -> None:
    """What frames hold.

    :param things: the frames.
    :param held: where to put it.
    """
    for frame in things:
        _read_locals(frame, held)
        held.named[".f_globals"].append(frame.f_globals)
        if frame.f_back is not None:
            held.named[".f_back"].append(frame.f_back)


def read_suspended(attributes: tuple[str, str], things: Sequence[Any], held: Held) -> None:
    """What generators and coroutines hold: their variables, and what they wait for.

    :param attributes: the names of the frame, and of what is waited for.
    :param things: the generators, all of one type.
    :param held: where to put it.
    """
    to_frame, to_awaited = attributes
    for generator in things:
        frame = getattr(generator, to_frame)
        if frame is None:
            continue
        # Until 3.10 each has one; later it is made when somebody asks.
        if sys.version_info >= (3, 11):
            held.unreal.add(id(frame))
        else:
            held.hidden.append(frame)
        _read_locals(frame, held)
        # On 3.10 what lies on its stack is the frame's, and later its own.
        outward = {id(frame.f_globals), id(frame.f_builtins)}
        held.items += [each for each in gc.get_referents(frame) if id(each) not in outward]
        awaited = getattr(generator, to_awaited)
        if awaited is not None:
            held.named["await"].append(awaited)


def read_contexts(things: Sequence[Context], held: Held) -> None:
    """What contexts hold, without the tree that keeps it.

    :param things: the contexts.
    :param held: where to put it.
    """
    front: list[Any] = list(things)
    known: set[int] = set()
    while front:
        front = [node for node in gc.get_referents(*front) if _is_tree(node)]
        front = [node for node in front if id(node) not in known]
        known.update(map(id, front))
        held.hidden += front
    for context in things:
        for variable, value in Context.items(context):
            held.named[named_edge("context variable", variable.name)].append(value)
            held.named[KEY].append(variable)


def _is_tree(node: Any) -> bool:
    tp = type(node)
    return not is_heap_type(tp) and tp.__name__.startswith("hamt")
