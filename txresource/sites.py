"""Creation sites: which line made a thing, kept raw and put into words only when shown."""

from __future__ import annotations

import linecache
import os
import re
import sys
from functools import lru_cache
from types import CodeType
from typing import Any

__all__ = (
    "Site",
    "caller_site",
    "code_site",
    "describe_site",
    "mask_literals",
)

#: A code object and a line number in it; cheap to take and free of the frame's locals.
Site = tuple[CodeType, int]

#: String and number literals, and comments: a source line in a report shows code, never data.
_LITERAL = re.compile(
    r"""(?P<text>[A-Za-z]{0,2}("(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?))|(?P<comment>\s*\#.*)|(?<![\w.])\d[\w.]*"""
)

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_TWISTED = os.sep + "twisted" + os.sep
#: The demo is a user of txresource, though it lives in it.
_DEMO = _OURS + "demo.py"
#: Scripts that run somebody's program; their own line says nothing.
_RUNNERS = frozenset(("trial", "twist", "twistd"))


def caller_site() -> Site | None:
    """
    Find the line of the user's code that led here.

    Frames of txresource and of Twisted are passed over.

    :returns: ``None`` where the stack holds nothing else: Twisted itself made it.
    """
    frame = sys._getframe(1)
    while frame is not None:
        if _is_users(frame.f_code.co_filename):
            return (frame.f_code, frame.f_lineno)
        frame = frame.f_back  # type: ignore[assignment]
    return None


@lru_cache(maxsize=4096)
def _is_users(filename: str) -> bool:
    if filename.startswith(_OURS):
        return filename == _DEMO
    return _TWISTED not in filename and os.path.basename(filename) not in _RUNNERS


def code_site(function: Any) -> Site | None:
    """
    Where a function is written: the next best thing for what nobody's line made.

    :returns: ``None`` for what is not written in Python.
    """
    code: CodeType | None = getattr(function, "__code__", None)
    return None if code is None else (code, code.co_firstlineno)


def describe_site(site: Site | str | None) -> str | None:
    """
    Put a creation site into words.

    :param site: what :func:`caller_site` returned; words are left as they are.
    :returns: ``"app.py:41 in build: p = Echo(self)"``, without the source text where it cannot be
        read; ``None`` for no site.
    """
    if site is None or isinstance(site, str):
        return site
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
    return _LITERAL.sub(
        lambda found: "'…'" if found["text"] else "" if found["comment"] else "…", source
    )
