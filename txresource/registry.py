"""Which closer is for which thing."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import providedBy
from zope.interface.interface import InterfaceClass

from txresource.arguments import check_callable, given
from txresource.interfaces import ICloseable, ICloser
from txresource.sites import Site
from txresource.tree import Node

__all__ = (
    "BaseCloser",
    "CallNode",
    "CallableCloser",
    "CloseableCloser",
    "GoneCloser",
    "class_key",
    "find_by_class",
    "find_closer",
    "register_closer",
    "unhook",
)

#: By class, and by the module and name of a class that is not imported for its closer's sake.
_by_class: dict[Any, Any] = {}
_by_interface: dict[Any, Any] = {}


class BaseCloser:
    """What most closers have in common: they wait with the close until the release pass."""

    kind = "thing"
    counted = True
    lossless = False

    def node(self, parent: Node, thing: Any, name: str | None, site: Site | None) -> Node:
        """Make the node of such a thing; the parent has not adopted it yet."""
        return Node(parent, self, thing, name, site)

    def attach(self, node: Node) -> Any:
        """Use the thing itself."""
        return node.thing

    def reveal(self, node: Node) -> None:
        """Nothing hidden in it."""

    def drain(self, node: Node) -> bool:
        """Nothing to tell."""
        return False

    def busy(self, node: Node) -> bool:
        """Nothing to wait for."""
        return False

    def close(self, node: Node) -> Any:
        """Nothing to close."""
        return None

    def abort(self, node: Node) -> bool:
        """Cannot be forced."""
        return False


class GoneCloser(BaseCloser):
    """
    The closer of a node whose thing went before its children: there is nothing to close.

    :param kind: of what is gone.
    """

    counted = False

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def abort(self, node: Node) -> bool:
        """Done already."""
        return True


def _awaited(result: Any) -> Deferred[Any] | None:
    if isinstance(result, Deferred):  # asked first: older Deferreds have a send(), too
        return result
    return Deferred.fromCoroutine(result) if hasattr(result, "send") else None


class CallNode(Node):
    """The node of a thing with ``close=``; the same thing with another function is another one."""

    __slots__ = ()

    @property
    def key(self) -> Any:
        """The thing and the function; a bound method is made anew whenever it is asked for."""
        function = self.closer.function
        return id(self.thing), function if hasattr(function, "__self__") else id(function)


class CallableCloser(BaseCloser):
    """
    The closer made of ``close=``.

    :ivar function: called without arguments; may return a Deferred or a coroutine.
    """

    def __init__(self, function: Any) -> None:
        check_callable("close= takes a callable", function, "pass the method without calling it")
        self.function = function

    def node(self, parent: Node, thing: Any, name: str | None, site: Site | None) -> Node:
        """One that is found by the function, too."""
        return CallNode(parent, self, thing, name, site)

    def close(self, node: Node) -> Any:
        """Call the function; what it returns is waited for."""
        return _awaited(self.function())


class CloseableCloser(BaseCloser):
    """The closer of things that provide :class:`~txresource.interfaces.ICloseable`."""

    def close(self, node: Node) -> Any:
        """Ask the thing."""
        return _awaited(node.thing.close())

    def abort(self, node: Node) -> bool:
        """Tell the thing; that is the end of it."""
        node.thing.abort()
        node.ended()
        return True


def register_closer(interface_or_class: Any, closer: Any) -> None:
    """
    Say how a kind of thing is closed; a later registration replaces an earlier one.

    :param interface_or_class: a class, whose subclasses are meant too, or a zope interface. A
        class goes before an interface, a subclass before its base. A string is the full name of a
        class, ``"package.module.Class"`` as the module that defines it is called; so nothing needs
        to be imported before somebody uses it.
    :param closer: provides :class:`~txresource.interfaces.ICloser`; most derive from
        :class:`BaseCloser`.
    :raises TypeError: it is none of these, or the closer is no closer.
    """
    _check_closer(closer)
    if isinstance(interface_or_class, InterfaceClass):
        _by_interface[interface_or_class] = closer
    else:
        _by_class[class_key(interface_or_class)] = closer


def _check_closer(closer: Any) -> None:
    if isinstance(closer, type):
        raise TypeError(f"a closer is an instance, not {given(closer)}: write {closer.__name__}()")
    if not all(hasattr(closer, name) for name in ICloser):
        raise TypeError(
            f"a closer provides ICloser, not {given(closer)}: derive a class from"
            " txresource.registry.BaseCloser, with close(node), which closes node.thing"
        )


def class_key(cls: Any) -> Any:
    """
    By what a class is looked up.

    :param cls: a class, or its full name.
    :returns: the class, or module and name.
    :raises TypeError: it is neither.
    """
    if isinstance(cls, type):
        return cls
    module, _, name = cls.rpartition(".") if isinstance(cls, str) else ("", "", "")
    if not module:
        raise TypeError(f"{cls!r} is neither a class nor a zope interface nor a class's full name")
    return module, name


def find_by_class(table: dict[Any, Any], kind: type, beyond: type | None = None) -> Any:
    """
    What a table has for the nearest base of a class; ``None``: nothing.

    :param table: by what :func:`class_key` returned.
    :param beyond: a class whose own entry is passed over; ``None``: none is.
    """
    for cls in kind.__mro__:
        found = table.get(cls) or table.get((cls.__module__, cls.__qualname__))
        if found is not None and cls is not beyond:
            return found
    return None


def find_closer(thing: Any) -> Any:
    """
    Find how a thing is closed, by its class and its interfaces, never by the names of its methods.

    :raises TypeError: nobody registered a closer for it.
    """
    closer = find_by_class(_by_class, type(thing))
    if closer is not None:
        return closer
    for interface in providedBy(thing).flattened():
        if interface in _by_interface:
            return _by_interface[interface]
    raise TypeError(_unknown(thing))


#: What to write for what people pass to ``own`` and nothing can be closed by.
_REMEDIES = {
    class_key(name): remedy
    for name, remedy in {
        "txresource.scope.Scope": 'make it with scope.child("name"), or with parent=scope',
        "builtins.type": "pass an instance of it",
        "builtins.NoneType": "pass what is to be closed",
        "builtins.function": "pass what it returns, or write scope.start(function)",
        "builtins.method": "pass its object, or write scope.start(object.method)",
        "builtins.coroutine": "write scope.start(coroutine)",
        "builtins.generator": "decorate its function with @inlineCallbacks",
        "twisted.internet.protocol.BaseProtocol": "write scope.own(protocol.transport)",
    }.items()
}


def _unknown(thing: Any) -> str:
    kind = type(thing)
    remedy = find_by_class(_REMEDIES, kind)
    if remedy is not None:
        return f"a scope cannot own {given(thing)}: {remedy}"
    return (
        f"a scope does not know how to close a {kind.__module__}.{kind.__qualname__}: pass"
        " close=, a callable that closes it, or call register_closer() for its class"
    )


register_closer(ICloseable, CloseableCloser())


def unhook(thing: Any, *names: str) -> None:
    """
    Take back what was put in front of a thing's methods, where it is still there.

    Not through ``vars``: who asks for an object's ``__dict__`` brings it into being, which makes
    what the collector has to free, where Twisted itself leaves cycles, larger by one.
    """
    for name in names:
        try:
            delattr(thing, name)
        except AttributeError:
            pass
