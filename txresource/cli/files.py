"""Reading what was named on the command line, and saying in one sentence why it cannot be."""

from __future__ import annotations

import json
import math
from typing import Any

from txresource.cli.desk import Trouble
from txresource.leaks.frozen import FrozenHeap, decode_heap
from txresource.leaks.report import SCHEMA

__all__ = ("STDIN", "read_bytes", "read_report", "read_snapshot", "snapshot_of")

#: The name that stands for the standard input.
STDIN = "-"
#: More than any report or snapshot has; an endless file ends here.
_MOST = 64 * 2**20
_GZIP = b"\x1f\x8b"


def read_bytes(path: str) -> bytes:
    """
    Read a file, a pipe, or the standard input.

    :param path: ``-``: the standard input.
    :raises Trouble: it cannot be read, is empty, or has no end.
    """
    try:
        with open(0 if path == STDIN else path, "rb", closefd=path != STDIN) as file:
            data = file.read(_MOST + 1)
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "it is no file's name"
        raise Trouble(path, f"{path} cannot be read: {reason}") from None
    if not data:
        raise Trouble(path, f"{path} is empty")
    if len(data) > _MOST:
        raise Trouble(path, f"{path} is larger than anything that txresource writes")
    return data


def read_report(path: str) -> dict[str, Any]:
    """
    Read a report file.

    :param path: as of :func:`read_bytes`.
    :returns: the report; of its parts nothing is known yet.
    :raises Trouble: it cannot be read, or is no report that this version knows.
    """
    data = read_bytes(path)
    try:
        report = json.loads(data.decode("utf-8-sig"), parse_float=_finite, parse_constant=_finite)
        tool, schema = report["tool"], report["schema"]
        if not tool.startswith("txresource ") or isinstance(schema, bool):
            raise ValueError("another tool's")
        newer = schema > SCHEMA
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        what = _described(data)
        raise Trouble(path, f"{path} is not a report of txresource{what}") from None
    if newer:
        newer_tool = f"{path} was written by a newer {tool}, in a form (schema {schema})"
        raise Trouble(path, f"{newer_tool} that this version, which knows {SCHEMA}, cannot read")
    return dict(report)


def read_snapshot(path: str) -> FrozenHeap:
    """
    Read a snapshot file, one of ``--history``.

    :param path: as of :func:`read_bytes`.
    :raises Trouble: it cannot be read, or is no snapshot that this version knows.
    """
    return snapshot_of(path, read_bytes(path))


def snapshot_of(path: str, data: bytes) -> FrozenHeap:
    """
    The snapshot in what was read.

    :param path: where it was read.
    :raises Trouble: there is none that this version knows.
    """
    try:
        return decode_heap(data)
    except ValueError as error:
        raise Trouble(path, f"{path}: {error}") from None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("no number that JSON has")
    return number


def _described(data: bytes) -> str:
    """What a file is that is not what was wanted, where that can be told."""
    return ": it is compressed, as snapshots are" if data.startswith(_GZIP) else ""
