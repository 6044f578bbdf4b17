"""Ports that nobody owned by hand, and their connections, taken into care around the reactor."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.endpoints import serverFromString
from twisted.protocols.policies import TimeoutFactory

from tests.real.connection_case import (
    GRACE,
    ConnectionsTestCase,
    ManagedTold,
    ManagedToldFactory,
    Plain,
    Told,
    ToldFactory,
)
from tests.real.tls import certificate
from txresource import Scope
from txresource.intercept import hook_listening, unhook_listening
from txresource.root import root_node


class InterceptedTests(ConnectionsTestCase):
    """Listeners that nobody owned by hand; each is tried without the hooks, too."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(unhook_listening, reactor)

    @inlineCallbacks
    def check(self, listen: Callable[[Any], Any], tls: bool = False) -> Any:
        owner: Any = Plain()
        for hooked in (False, True):
            factory = ToldFactory(Told)
            if hooked:
                hook_listening(reactor)
            port = yield listen(factory)
            protocol = yield self.accepted(port, factory, tls)
            yield self.out_of_sight(protocol)
            if hooked:
                node = next(reversed(root_node(reactor).children))
                kinds = [child.kind for child in node.view().children]
                self.assertEqual(kinds, ["port", "connection"])
                owner = Scope._of(node)
            else:
                owner.own(port)
            yield self.check_closed(owner, protocol)

    def test_tcp(self) -> Any:
        """``listenTCP``."""
        return self.check(lambda f: reactor.listenTCP(0, f, interface="127.0.0.1"))

    def test_ssl(self) -> Any:
        """``listenSSL`` ends in ``listenTCP``: the port is in the tree once."""
        options = certificate().options()
        return self.check(
            lambda f: reactor.listenSSL(0, f, options, interface="127.0.0.1"), tls=True
        )

    def test_endpoint(self) -> Any:
        """An endpoint from a string."""
        return self.check(
            lambda f: serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(f)
        )

    def test_unix(self) -> Any:
        """``listenUNIX``."""
        return self.check(lambda f: reactor.listenUNIX(self.path(), f))

    def test_adopted(self) -> Any:
        """A listening socket that was handed over."""

        def adopt(factory: Any) -> Any:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                listener.setblocking(False)
                return reactor.adoptStreamPort(listener.fileno(), socket.AF_INET, factory)

        return self.check(adopt)

    @inlineCallbacks
    def test_a_factory_that_listens_twice(self) -> Any:
        """One factory, two ports: one node, and each connection in it once."""
        hook_listening(reactor)
        factory = ToldFactory(Told)
        ports = [reactor.listenTCP(0, factory, interface="127.0.0.1") for _ in range(2)]
        self.assertEqual(len(root_node(reactor).children), 1)
        node = next(iter(root_node(reactor).children))
        for port in ports:
            yield self.accepted(port, factory)
        kinds = sorted(child.kind for child in node.view().children)
        self.assertEqual(kinds, ["connection", "connection", "port", "port"])
        yield Scope._of(node).close(GRACE)

    @inlineCallbacks
    def test_a_mixins_connection_is_owned_once(self) -> Any:
        """The hook around the reactor and the mixin agree on one node, the mixin's."""
        hook_listening(reactor)
        factory = ManagedToldFactory(ManagedTold)
        wrapper = TimeoutFactory(factory, 60)
        wrapper.noisy = False
        port = reactor.listenTCP(0, wrapper, interface="127.0.0.1")
        yield self.accepted(port, factory)
        self.assertEqual([live.state for live in factory.liveConnections], ["open"])
        connections = [
            child
            for node in root_node(reactor).children
            for child in node.children
            if child.closer.kind == "connection"
        ]
        self.assertEqual(len(connections), 1)
        for node in tuple(root_node(reactor).children):
            yield Scope._of(node).close(GRACE)

    @inlineCallbacks
    def test_a_port_that_cannot_be_had(self) -> Any:
        """A port that is taken leaves nothing in the tree; the error is Twisted's own."""
        hook_listening(reactor)
        from twisted.internet.error import CannotListenError

        port = reactor.listenTCP(0, ToldFactory(Told), interface="127.0.0.1")
        with self.assertRaises(CannotListenError):
            reactor.listenTCP(port.getHost().port, ToldFactory(Told), interface="127.0.0.1")
        self.assertEqual(len(root_node(reactor).children), 1)
        yield port.stopListening()
