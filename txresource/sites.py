"""Creation sites: which line made a thing, kept raw and put into words only when shown."""

from __future__ import annotations

import linecache
import os
import re
import sys
from types import CodeType

__all__ = (
    "Site",
    "caller_site",
    "describe_site",
    "mask_literals",
)

#: A code object and a line number in it; cheap to take and free of the frame's locals.
Site = tuple[CodeType, int]

#: String and number literals: a source line in a report shows code, never data.
_LITERAL = re.compile(
    r"""(?P<text>[A-Za-z]{0,2}("(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?))|(?<![\w.])\d[\w.]*"""
)

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_TWISTED = os.sep + "twisted" + os.sep


def caller_site() -> Site | None:
    """
    Find the line of the user's code that led here.

    Frames of txresource are passed over, and those of Twisted where a caller outside of it exists.

    :returns: ``None`` where the stack holds nothing but txresource.
    """
    frame = sys._getframe(1)
    inside_twisted: Site | None = None
    while frame is not None:
        filename = frame.f_code.co_filename
        if not filename.startswith(_OURS):
            if _TWISTED not in filename:
                return (frame.f_code, frame.f_lineno)
            inside_twisted = inside_twisted or (frame.f_code, frame.f_lineno)
        frame = frame.f_back  # type: ignore[assignment]
    return inside_twisted


def describe_site(site: Site | None) -> str | None:
    """
    Put a creation site into words.

    :param site: what :func:`caller_site` returned.
    :returns: ``"app.py:41 in build: p = Echo(self)"``, without the source text where it cannot be
        read; ``None`` for no site.
    """
    if site is None:
        return None
    code, line = site
    where = f"{os.path.basename(code.co_filename)}:{line} in {code.co_name}"
    text = mask_literals(linecache.getline(code.co_filename, line).strip())
    return f"{where}: {text}" if text else where


def mask_literals(source: str) -> str:
    """
    Take the values out of a line of source.

    >>> mask_literals("connect('db', password='secret', port=5432)")
    "connect('…', password='…', port=…)"
    """
    return _LITERAL.sub(lambda found: "'…'" if found["text"] else "…", source)
