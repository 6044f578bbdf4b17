"""Closers of files and of exit stacks."""

from __future__ import annotations

import io
from contextlib import AsyncExitStack, ExitStack
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred

from txresource.registry import BaseCloser, register_closer
from txresource.tree import Node

__all__ = (
    "AsyncStackCloser",
    "FileCloser",
    "StackCloser",
)


class FileCloser(BaseCloser):
    """
    A file, of whatever layer: closed in the release pass, when what may write to it has gone.

    What it has buffered is written then, while the reactor waits, as with any file.
    """

    kind = "file"

    def attach(self, node: Node) -> Any:
        """Note when somebody closes it."""
        file = node.thing
        attributes = getattr(file, "__dict__", None)
        if file.closed:
            node.ended()
        elif attributes is not None:
            attributes["close"] = partial(_closed, node, file.close)
        return file

    def close(self, node: Node) -> None:
        """Write what it has buffered, and close it."""
        node.thing.close()

    def abort(self, node: Node) -> bool:
        """The same: there is no other end of a file."""
        if node.thing is not None:
            node.thing.close()
        node.ended()
        return True


def _closed(node: Node, close: Any) -> None:
    file = node.thing
    try:
        close()
    finally:
        if file is not None:
            vars(file).pop("close", None)
        node.ended()


class StackCloser(BaseCloser):
    """An ``ExitStack``: unwound in the release pass. So a scope takes any context manager."""

    kind = "stack"

    def close(self, node: Node) -> None:
        """Unwind it."""
        node.thing.close()


class AsyncStackCloser(BaseCloser):
    """An ``AsyncExitStack``: unwound in the release pass, and waited for."""

    kind = "stack"

    def close(self, node: Node) -> Deferred[Any]:
        """Unwind it."""
        return Deferred.fromCoroutine(node.thing.aclose())


# What open() returns derives from the base of io.IOBase, which is there to be derived from by us.
register_closer(io.IOBase.__base__, FileCloser())
register_closer(ExitStack, StackCloser())
register_closer(AsyncExitStack, AsyncStackCloser())
