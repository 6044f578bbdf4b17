"""How each kind of thing is closed; importing this registers the closers."""

from txresource.closers.database import DatabaseCloser
from txresource.closers.datagrams import DatagramCloser
from txresource.closers.files import AsyncStackCloser, FileCloser, StackCloser
from txresource.closers.goodbye import DrainPolicy, register_policy
from txresource.closers.http2 import HTTP2Policy
from txresource.closers.network import ConnectionCloser, PortCloser
from txresource.closers.processes import ProcessCloser
from txresource.closers.services import ClientServiceCloser, ServiceCloser
from txresource.closers.threads import ThreadPoolCloser
from txresource.closers.timers import CooperationCloser, DelayedCallCloser, LoopingCallCloser
from txresource.closers.transports import ConnectorCloser, TransportCloser
from txresource.closers.web import HTTP1Policy, HTTPClientPolicy
from txresource.closers.webclient import ConnectionPoolCloser
from txresource.closers.websocket import WebSocketPolicy

__all__ = (
    "AsyncStackCloser",
    "ClientServiceCloser",
    "ConnectionCloser",
    "ConnectionPoolCloser",
    "ConnectorCloser",
    "CooperationCloser",
    "DatabaseCloser",
    "DatagramCloser",
    "DelayedCallCloser",
    "DrainPolicy",
    "FileCloser",
    "HTTP1Policy",
    "HTTP2Policy",
    "HTTPClientPolicy",
    "LoopingCallCloser",
    "PortCloser",
    "ProcessCloser",
    "ServiceCloser",
    "StackCloser",
    "ThreadPoolCloser",
    "TransportCloser",
    "WebSocketPolicy",
    "register_policy",
)
