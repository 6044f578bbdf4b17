"""txresource: for Twisted programs that must not leak memory, sockets, timers, tasks, processes."""

from txresource.care import CareService
from txresource.connections import ManagedFactoryMixin, ManagedProtocolMixin
from txresource.errors import (
    CloseFromInside,
    ResourceClosed,
    ResourceDraining,
    ResourceError,
    ResourceInterrupted,
    ResourceNotOpen,
    WrongProcess,
    WrongThread,
)
from txresource.failures import scrub
from txresource.interfaces import ICloseable
from txresource.limits import limit_connections
from txresource.registry import register_closer
from txresource.scope import Scope, root_scope
from txresource.services import ManagedServiceMixin
from txresource.weak import WeakLoopingCall, weakly, when_collected

__all__ = (
    "CareService",
    "CloseFromInside",
    "ICloseable",
    "ManagedFactoryMixin",
    "ManagedProtocolMixin",
    "ManagedServiceMixin",
    "ResourceClosed",
    "ResourceDraining",
    "ResourceError",
    "ResourceInterrupted",
    "ResourceNotOpen",
    "Scope",
    "WeakLoopingCall",
    "WrongProcess",
    "WrongThread",
    "limit_connections",
    "register_closer",
    "root_scope",
    "scrub",
    "weakly",
    "when_collected",
)
