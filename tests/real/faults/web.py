"""A request by twisted.web's own client."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from tests.real.tls import certificate


@implementer(IStreamClientEndpoint)
class Counting:
    """An endpoint that counts how often its protocols hear the end."""

    def __init__(self, fault: Any, endpoint: Any) -> None:
        self.fault = fault
        self.endpoint = endpoint

    def connect(self, factory: Any) -> Any:
        return self.endpoint.connect(factory).addCallback(self.connected)

    def connected(self, protocol: Any) -> Any:
        protocol.losses = 0
        protocol.at_bottom = protocol.transport
        while hasattr(protocol.at_bottom, "wrappedProtocol"):
            protocol.at_bottom = protocol.at_bottom.transport
        protocol.connectionLost = partial(self.lost, protocol, protocol.connectionLost)
        self.fault.made.append(protocol)
        return protocol

    def lost(self, protocol: Any, connection_lost: Any, reason: Any) -> None:
        protocol.losses += 1
        connection_lost(reason)


@implementer(IAgentEndpointFactory)
class EndpointFactory:
    """Endpoints to the peer of a fault, whatever the URI says."""

    def __init__(self, fault: Any) -> None:
        self.fault = fault

    def endpointForURI(self, uri: Any) -> Counting:
        endpoint: Any = TCP4ClientEndpoint(self.fault.reactor, *self.fault.address)
        if self.fault.world.tls:
            endpoint = wrapClientTLS(
                optionsForClientTLS("localhost", trustRoot=certificate()), endpoint
            )
        return Counting(self.fault, endpoint)


def request(fault: Any) -> None:
    """Ask the fault's peer; the answer is kept, its body is not read."""
    pool = fault.world.own(HTTPConnectionPool(fault.reactor))
    agent = Agent.usingEndpointFactory(fault.reactor, EndpointFactory(fault), pool)
    scheme = b"https" if fault.world.tls else b"http"
    answer = agent.request(b"GET", scheme + b"://localhost/")
    answer.addCallback(partial(setattr, fault, "answer")).chainDeferred(fault.armed)
