"""What other tools do in the process itself, for ``snapshot_pause.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pympler import tracker

__all__ = ("MISSING", "TOOLS")


def pympler_diff() -> Callable[[], Any]:
    """What grew since the last time, by Pympler."""
    return tracker.SummaryTracker().diff


def objgraph_growth() -> Callable[[], Any]:
    """What grew since the last time, by objgraph; without sizes and without holders."""
    import objgraph

    objgraph.growth()
    return objgraph.growth


def guppy_heap() -> Callable[[], Any]:
    """All objects by type with their sizes, by guppy3."""
    from guppy import hpy

    return hpy().heap


def _installed() -> tuple[dict[str, Callable[[], Callable[[], Any]]], list[str]]:
    found: dict[str, Callable[[], Callable[[], Any]]] = {"Pympler's diff": pympler_diff}
    missing = []
    for module, name, tool in (
        ("objgraph", "objgraph's growth", objgraph_growth),
        ("guppy", "guppy3's heap", guppy_heap),
    ):
        try:
            __import__(module)
        except ImportError:
            missing.append(f"{name} is left out: {module} is not installed")
        else:
            found[name] = tool
    return found, missing


#: A tool by its name: called once it gives what is to be timed.
TOOLS, MISSING = _installed()
