"""The closer of child processes."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IProcessTransport

from txresource.registry import BaseCloser, register_closer, unhook
from txresource.sites import Site
from txresource.tree import WATCHED, Node, type_name

__all__ = ("ProcessCloser",)


class ProcessCloser(BaseCloser):
    """
    A child process: told by TERM and by the end of its input in the release pass, killed at the
    deadline. It is gone when it has been reaped and its pipes are closed.

    What it started in turn is its own to end: a pipe that such a process holds open is dropped at
    the deadline, the process itself lives on.
    """

    kind = "process"

    def node(self, parent: Node, thing: Any, name: str | None, site: Site | None) -> Node:
        """Known by its protocol and its process id."""
        protocol = getattr(thing, "proto", None) or thing
        return super().node(
            parent, thing, name or f"{type_name(type(protocol))}, pid {thing.pid}", site
        )

    def attach(self, node: Node) -> Any:
        """Note when it is gone."""
        process = node.thing
        if _gone(process):
            node.ended()
        elif hasattr(process, "maybeCallProcessEnded"):
            process.maybeCallProcessEnded = partial(_maybe_ended, node, process)
        return process

    def close(self, node: Node) -> Any:
        """Ask it to go."""
        process = node.thing
        _signal(process, "TERM")
        process.closeStdin()
        return WATCHED if hasattr(process, "maybeCallProcessEnded") else None

    def abort(self, node: Node) -> bool:
        """Kill it, and drop its pipes; the reactor reaps it."""
        process = node.thing
        _signal(process, "KILL")
        process.loseConnection()
        for pipe in tuple(getattr(process, "pipes", {}).values()):  # those beyond the usual three
            pipe.loseConnection()
        if node.thing is not None and not hasattr(process, "maybeCallProcessEnded"):
            node.ended()
        return True


def _signal(process: Any, name: str) -> None:
    try:
        process.signalProcess(name)
    except ProcessExitedAlready:
        pass


def _gone(process: Any) -> bool:
    """Reaped, and its protocol has been told so, which waits for the pipes."""
    return process.pid is None and getattr(process, "proto", None) is None


def _maybe_ended(node: Node, process: Any) -> None:
    # Twisted asks this when the process was reaped and whenever a pipe was closed.
    try:
        type(process).maybeCallProcessEnded(process)
    finally:
        if _gone(process):
            unhook(process, "maybeCallProcessEnded")
            node.ended()


register_closer(IProcessTransport, ProcessCloser())
