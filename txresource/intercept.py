"""Every listener that is opened through a reactor, taken into care without an edit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.logger import Logger

from txresource.connections import FACTORY, ManagedFactoryMixin
from txresource.errors import ResourceClosed
from txresource.factories import FactoryNode
from txresource.owning import own
from txresource.root import root_node
from txresource.sites import caller_site
from txresource.tree import OPEN

__all__ = (
    "HOOKED",
    "hook_listening",
    "unhook_listening",
)

log = Logger()

#: The lowest methods of a reactor by which a port is opened: ``listenSSL`` and the endpoints end
#: in one of them. The value is the position of the factory among the arguments.
HOOKED = {"listenTCP": 1, "listenUNIX": 1, "adoptStreamPort": 2}


def hook_listening(reactor: Any) -> tuple[str, ...]:
    """
    Own every port that is opened from now on, and the connections that it accepts.

    The methods are replaced on this reactor object alone, not on its class.

    :returns: the names of the methods that were wrapped; none where that has been done before.
    """
    wrapped = []
    for name, position in HOOKED.items():
        listen = getattr(reactor, name, None)
        if listen is not None and getattr(listen, "func", None) is not _listen:
            setattr(reactor, name, partial(_listen, reactor, listen, position))
            wrapped.append(name)
    return tuple(wrapped)


def unhook_listening(reactor: Any) -> None:
    """Take the wrappers of :func:`hook_listening` away."""
    for name in HOOKED:
        if getattr(vars(reactor).get(name), "func", None) is _listen:
            delattr(reactor, name)


def _listen(
    reactor: Any, listen: Callable[..., Any], position: int, /, *args: Any, **kwargs: Any
) -> Any:
    factory = args[position] if len(args) > position else kwargs.get("factory")
    root = root_node(reactor)
    root.check_open()
    node = _node_of(root, factory)
    try:
        port = listen(*args, **kwargs)
    except BaseException:
        node.check_stopped()
        raise
    try:
        own(node, port, None, None)
    except ResourceClosed:
        pass  # the port was told to stop at once
    return port


def _node_of(root: Any, factory: Any) -> Any:
    """The node of a factory, which may listen already."""
    if isinstance(factory, ManagedFactoryMixin):
        return factory._open_node()
    known = root.owned.get(id(factory))
    if isinstance(known, FactoryNode) and known.state is OPEN:
        return known
    node = FactoryNode(root, FACTORY, factory, None, caller_site(), transient=True)
    FACTORY.attach(node)
    root.adopt(node)
    return node
