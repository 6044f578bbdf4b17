"""Options that several commands take."""

from __future__ import annotations

import argparse

__all__ = ("add_limit",)


def add_limit(parser: argparse.ArgumentParser, default: int, what: str) -> None:
    """
    Add ``--limit N``.

    :param default: how many where nobody says.
    :param what: what it limits.
    """
    parser.add_argument(
        "--limit",
        type=_limit,
        default=default,
        metavar="N",
        help=f"how many {what} to show as text; 0: all; not given: {default}",
    )


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"it takes a number, 0 or more, not {text!r}")
    return int(text)
