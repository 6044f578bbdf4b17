"""Hooking methods of a class once, wherever in its bases they are defined."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

__all__ = (
    "hook_method",
    "is_hook",
)


def hook_method(
    cls: type, name: str, around: Callable[[Any, Callable[..., Any], tuple[Any, ...]], Any]
) -> None:
    """
    Put a function around a method of a class.

    For ``__init_subclass__``: so a mixin holds in either order of bases, and when an override
    does not call up. A subclass that overrides a hooked method is hooked again; ``around`` sees
    both calls and has to be content with the first.

    :param around: called with the instance, the bound original and its positional arguments.
    """
    original = getattr(cls, name, None)
    if original is None or getattr(original, "_txresource_hook", None) is around:
        return
    own = name in vars(cls)

    @functools.wraps(original)
    def hooked(self: Any, *args: Any, **kwargs: Any) -> Any:
        # Looked up late where it is inherited: a subclass may have further bases, whose method
        # comes before the one that was found here.
        bound = original.__get__(self, type(self)) if own else getattr(super(cls, self), name)
        return around(self, functools.partial(bound, **kwargs) if kwargs else bound, args)

    setattr(cls, name, is_hook(around)(hooked))


def is_hook(around: Callable[..., Any]) -> Callable[[Any], Any]:
    """
    Mark a method that does what a hook with this function does.

    A mixin that stands in front of what it is mixed into needs no hook: its own method calls up, and
    that costs a little less.
    """

    def mark(method: Any) -> Any:
        method._txresource_hook = around
        return method

    return mark
