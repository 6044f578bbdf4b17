"""The report file: its form, how it is read, and how it is replaced."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterable, Mapping
from typing import Any

from txresource.leaks.growth import GrowingType

__all__ = (
    "SCHEMA",
    "growing_entry",
    "read_signatures",
    "signature_of",
    "write_report",
)

#: The version of the report's form: keys are added, never renamed or dropped.
SCHEMA = 1


def signature_of(parts: Iterable[str]) -> str:
    """The signature of a finding: SHA-1, the same on every host and in every run."""
    return hashlib.sha1("\0".join(parts).encode(), usedforsecurity=False).hexdigest()


def growing_entry(grown: GrowingType, now: float, seen: Iterable[str]) -> dict[str, Any]:
    """
    What a report says of a growing type.

    :param now: seconds since the epoch.
    :param seen: signatures that earlier reports had.
    """
    signature = signature_of(("growth", grown.type_name))
    return {
        "signature": signature,
        "kind": "growth",
        "state": "seen" if signature in seen else "new",
        "count": grown.count,
        "bytes": grown.size,
        "title": f"{grown.type_name} +{grown.per_minute(now):.0f} a minute",
        "since": grown.since,
        "trace": [],
        "created_at": [],
    }


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
            json.dump(report, file, indent=1)
            file.write("\n")
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
