"""How each kind of thing is closed; importing this registers the closers."""

from txresource.closers.goodbye import DrainPolicy, register_policy
from txresource.closers.network import ConnectionCloser, PortCloser
from txresource.closers.services import ServiceCloser
from txresource.closers.timers import DelayedCallCloser, LoopingCallCloser
from txresource.closers.web import HTTP1Policy, HTTP2Policy

__all__ = (
    "ConnectionCloser",
    "DelayedCallCloser",
    "DrainPolicy",
    "HTTP1Policy",
    "HTTP2Policy",
    "LoopingCallCloser",
    "PortCloser",
    "ServiceCloser",
    "register_policy",
)
