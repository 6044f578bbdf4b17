"""Where a command writes its text: in colours on a terminal, and harmless on any."""

from __future__ import annotations

import enum
import os
from collections.abc import Mapping
from typing import IO

__all__ = ("Ink", "Page", "harmless", "is_terminal", "wants_colours")


class Ink(enum.Enum):
    """What a piece of text is, which says its colour."""

    LEAK = "1;31"
    GROWING = "33"
    SETTLED = "32"
    SUSPECT = "31"
    HEAD = "1"
    FAINT = "2"


#: A part of a line: text, or text and what it is.
_Part = str | tuple[str, Ink]


def harmless(text: str) -> str:
    """Text without what a terminal obeys: each such character as Python writes it.

    Names come from a program that may be anybody's, and a type can be called anything.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def is_terminal(stream: IO[str]) -> bool:
    """Whether a person sees what is written there."""
    try:
        return stream.isatty()
    except ValueError:  # it is closed
        return False


def wants_colours(stream: IO[str], environ: Mapping[str, str] | None = None) -> bool:
    """Whether to write in colours: to a terminal that can, where ``NO_COLOR`` is not set.

    :param environ: ``None``: that of this process.
    """
    environ = os.environ if environ is None else environ
    return is_terminal(stream) and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


class Page:
    """
    Lines of text.

    :param out: where they go.
    :param colours: whether to write in colours.
    """

    def __init__(self, out: IO[str], *, colours: bool = False) -> None:
        self._out = out
        self._colours = colours

    def line(self, *parts: _Part) -> None:
        """Write one line, made of parts; without parts an empty one."""
        self._out.write("".join(map(self._text, parts)).rstrip() + "\n")

    def block(self, text: str) -> None:
        """Write some lines that are laid out already."""
        for line in text.splitlines():
            self.line(line)

    def _text(self, part: _Part) -> str:
        if isinstance(part, str):
            return harmless(part)
        text, ink = part
        return f"\x1b[{ink.value}m{harmless(text)}\x1b[0m" if self._colours else harmless(text)
