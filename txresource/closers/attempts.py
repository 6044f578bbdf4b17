"""The closer of attempts to connect, by factories that are in care."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.logger import Logger

from txresource.errors import ResourceClosed
from txresource.owning import own
from txresource.registry import BaseCloser
from txresource.sites import Site
from txresource.tree import Node

__all__ = (
    "AttemptCloser",
    "begun",
    "begun_managed",
    "connect_no_more",
    "refuse_to_connect",
    "watch_attempts",
)

log = Logger()

#: Where Twisted tells a connector what became of its attempt.
_TOLD = ("buildProtocol", "connectionFailed")


class _AttemptNode(Node):
    """The node of an attempt; its connector may have one of its own."""

    __slots__ = ()

    @property
    def key(self) -> Any:
        """The connector, and that this is its attempt."""
        return id(self.thing), _AttemptNode


class AttemptCloser(BaseCloser):
    """An attempt to connect: given up in the drain pass, and its connector makes no other."""

    kind = "attempt"

    def node(self, parent: Node, thing: Any, name: str | None, site: Site | None) -> Node:
        """A node beside that of the connector."""
        return _AttemptNode(parent, self, thing, name, site)

    def attach(self, node: Node) -> Any:
        """Note what becomes of it."""
        connector = node.thing
        for name in _TOLD:
            setattr(connector, name, partial(_over, node, connector, getattr(connector, name)))
        return connector

    def drain(self, node: Node) -> bool:
        """Give it up; its factory is told that it failed."""
        _give_up(node.thing)
        return True

    def abort(self, node: Node) -> bool:
        """Give it up."""
        return self.drain(node)


def _over(node: Node, connector: Any, told: Callable[..., Any], *args: Any) -> Any:
    for name in _TOLD:
        hook = getattr(connector, name, None)
        if not isinstance(hook, partial) or hook.args[:1] != (node,):
            continue
        if getattr(hook.args[2], "__self__", None) is connector:
            delattr(connector, name)
        else:  # whoever owns the connector itself was here before
            setattr(connector, name, hook.args[2])
    node.ended()
    return told(*args)


def _give_up(connector: Any) -> None:
    connector.connect = connect_no_more
    if connector.state == "connecting":
        connector.stopConnecting()


def refuse_to_connect(label: str) -> None:
    """Take the place of the ``connect`` of a connector that has been closed."""
    # Its factory, which asks from within clientConnectionLost, has nobody to pass an error on to.
    log.info("{what} has been closed and connects no more", what=label)


_ATTEMPT = AttemptCloser()


def connect_no_more() -> None:
    """The same, of one that is forgotten."""
    refuse_to_connect("a connector")


def watch_attempts(factory: Any, node: Node) -> None:
    """
    Take every attempt of a factory into care that begins from now on.

    :param node: the factory's.
    """
    if hasattr(factory, "startedConnecting"):
        factory.startedConnecting = partial(begun, lambda: node, factory.startedConnecting)


def begun(parent: Callable[[], Node], started: Callable[..., Any], connector: Any) -> None:
    """
    Take an attempt that has just begun into care; it is given up at once where it comes too late.

    :param parent: finds the node of its factory.
    :param started: the factory's own ``startedConnecting``.
    """
    started(connector)
    if not all(hasattr(connector, name) for name in ("state", *_TOLD)):
        return  # IConnector promises none of them
    try:
        own(parent(), connector, None, None, _ATTEMPT)
    except ResourceClosed:
        _give_up(connector)


def begun_managed(factory: Any, started: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """:func:`begun`, as a hook of the mixin's factories."""
    begun(factory._open_node, started, *args)
