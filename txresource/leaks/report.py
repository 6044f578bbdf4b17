"""The report file: its form, how it is read, and how it is replaced."""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

__all__ = (
    "SCHEMA",
    "read_signatures",
    "report_text",
    "tool_name",
    "with_states",
    "write_report",
)

#: The version of the report's form: keys are added, never renamed or dropped.
SCHEMA = 1


def tool_name() -> str:
    """Name and version, as reports give them."""
    try:
        return f"txresource {version('txresource')}"
    except PackageNotFoundError:
        return "txresource unknown"


def with_states(entries: Iterable[Mapping[str, Any]], seen: frozenset[str]) -> list[dict[str, Any]]:
    """
    Entries of a report, each with its state.

    :param entries: what was found.
    :param seen: signatures that earlier reports had.
    """
    return [
        {**entry, "state": "seen" if entry["signature"] in seen else "new"} for entry in entries
    ]


def read_signatures(path: str) -> frozenset[str]:
    """
    Read what an earlier report has seen.

    :returns: the signatures in it; none where there is no such file.
    :raises ValueError: the file is there and is no report of txresource.
    :raises OSError: the file cannot be read.
    """
    try:
        # Asked before it is opened: a FIFO would wait for a writer.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", path)
        with open(path, "rb") as file:
            text = file.read()
    except FileNotFoundError:
        return frozenset()
    if not text:
        return frozenset()
    try:
        report = json.loads(text.decode("utf-8"))
        if not str(report["tool"]).startswith("txresource "):
            raise ValueError("another tool's")
        sections = [report.get(key, []) for key in ("leaks", "growing", "settled", "pressure")]
        return frozenset(entry["signature"] for section in sections for entry in section)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(f"{path} is there and is not a report of txresource") from None


def report_text(report: Mapping[str, Any]) -> str:
    """
    A report as JSON, a line for each key, and for each item of a list.

    :raises TypeError: it is no plain data.
    """
    # Not with json's own indentation: it leaves a cycle behind each time, and each time the next
    # snapshot would find it.
    lines = (f"{json.dumps(key)}: {_value_text(value)}" for key, value in report.items())
    return "{\n " + ",\n ".join(lines) + "\n}\n"


def _value_text(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return json.dumps(value)
    return "[\n  " + ",\n  ".join(map(json.dumps, value)) + "\n ]"


def write_report(path: str, report: Mapping[str, Any]) -> None:
    """
    Replace the report: a reader meets the old one or the new one, nothing between.

    The file is for its owner's eyes alone (mode 0600).

    :raises OSError: it could not be written; the old report is as it was.
    """
    directory = os.path.dirname(path) or "."
    handle, temporary = tempfile.mkstemp(prefix=".txresource-", dir=directory)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(report_text(report))
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
