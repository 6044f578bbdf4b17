"""The command line: what reports and snapshot files say, read away from the process."""

from __future__ import annotations

from txresource.cli.console import main, run

__all__ = ("main", "run")
