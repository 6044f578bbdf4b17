"""Connections in every state that outlives a loseConnection, closed by the tree."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks
from twisted.internet.endpoints import UNIXServerEndpoint
from twisted.internet.interfaces import (
    IPullProducer,
    IPushProducer,
)
from twisted.protocols.policies import TimeoutFactory
from zope.interface import implementer

from tests.real.connection_case import (
    GRACE,
    ConnectionsTestCase,
    HalfTold,
    Losing,
    ManagedTold,
    ManagedToldFactory,
    Plain,
    Told,
    ToldFactory,
    ToldManaged,
    paused,
)
from tests.real.tls import certificate
from txresource import Scope

FLOOD = b"x" * 30_000_000


@implementer(IPushProducer, IPullProducer)
class Stubborn:
    """A producer that is never done."""

    def resumeProducing(self) -> None:
        pass

    pauseProducing = stopProducing = resumeProducing


def nothing(protocol: Any) -> None:
    pass


def flooded(protocol: Any) -> None:
    protocol.transport.write(FLOOD)


def paused_and_flooded(protocol: Any) -> None:
    paused(protocol)
    flooded(protocol)


def streaming(protocol: Any) -> None:
    protocol.transport.registerProducer(Stubborn(), True)
    flooded(protocol)


def pulling(protocol: Any) -> None:
    protocol.transport.registerProducer(Stubborn(), False)


STATES: tuple[Callable[[Any], None], ...] = (
    nothing,
    paused,
    flooded,
    paused_and_flooded,
    streaming,
    pulling,
)


class StuckTests(ConnectionsTestCase):
    """Every state, TCP and TLS, by the mixins and by ``own(factory)``."""

    @inlineCallbacks
    def check(self, tls: bool, make_factory: Callable[[], Any], owned: bool) -> Any:
        scope = Scope(reactor, "server", grace=GRACE)
        protocols = []
        for state in STATES:
            factory = make_factory()
            if owned:
                scope.own(factory)
            protocol = yield self.serve(scope, factory, tls)
            state(protocol)
            protocols.append(protocol)
        if not owned:  # the mixin's factories hang under the root
            for protocol in protocols:
                scope.own(protocol.factory)
        yield scope.close()
        yield DeferredList([protocol.gone for protocol in protocols])
        self.assertEqual([protocol.losses for protocol in protocols], [1] * len(STATES))

    def test_tcp_by_mixins(self) -> Any:
        """Each protocol hears the end once."""
        return self.check(False, lambda: ManagedToldFactory(ManagedTold), owned=False)

    def test_tls_by_mixins(self) -> Any:
        """Each protocol hears the end once."""
        return self.check(True, lambda: ManagedToldFactory(ManagedTold), owned=False)

    def test_tcp_by_ownership(self) -> Any:
        """Each protocol hears the end once."""
        return self.check(False, lambda: ToldFactory(Told), owned=True)

    def test_tls_by_ownership(self) -> Any:
        """Each protocol hears the end once."""
        return self.check(True, lambda: ToldFactory(Told), owned=True)

    @inlineCallbacks
    def test_plain_loseConnection_is_not_enough(self) -> Any:
        """The same states without the tree: some are still there when the grace is over."""
        protocols = []
        for tls in (False, True):
            for state in STATES:
                factory = ToldFactory(Told)
                holder = Scope(reactor, "port alone", grace=GRACE)
                protocol = yield self.serve(holder, factory, tls)
                state(protocol)
                protocols.append(protocol)
                yield holder.close()  # the port; nothing owns the connection
        for protocol in protocols:
            protocol.transport.loseConnection()
        ended: Deferred[None] = Deferred()
        reactor.callLater(GRACE + 1.5, ended.callback, None)
        yield ended
        stuck = [protocol for protocol in protocols if not protocol.losses]
        self.assertGreaterEqual(len(stuck), 6)
        for protocol in stuck:
            protocol.transport.abortConnection()
        yield DeferredList([protocol.gone for protocol in stuck])


class OtherListenersTests(ConnectionsTestCase):
    """Half-closed connections, wrappers, UNIX sockets, handshakes that never come."""

    def scope(self) -> Scope:
        return Scope(reactor, "server", grace=GRACE)

    @inlineCallbacks
    def half_closed(self, owner: Any, factory: Any) -> Any:
        owner.own(factory)
        protocol = yield self.serve(owner, factory)
        self.clients[0].shutdown(socket.SHUT_WR)
        yield factory.halved
        yield self.check_closed(owner, protocol)

    def test_half_closed(self) -> Any:
        """A connection that left the reactor's sight when the peer half-closed is closed."""
        return self.half_closed(self.scope(), ManagedToldFactory(ToldManaged))

    def test_plain_half_closed(self) -> Any:
        """Plain: its protocol never hears the end."""
        return self.half_closed(Plain(), ToldFactory(HalfTold))

    @inlineCallbacks
    def no_handshake(self, owner: Any) -> Any:
        factory = owner.own(ToldFactory(Told))
        port = reactor.listenSSL(0, factory, certificate().options(), interface="127.0.0.1")
        owner.own(port)
        protocol = yield self.accepted(port, factory)
        protocol.transport.write(b"too early")
        yield self.check_closed(owner, protocol)

    def test_a_handshake_that_never_comes(self) -> Any:
        """A TLS peer that says nothing is aborted at the deadline."""
        return self.no_handshake(self.scope())

    def test_plain_handshake_that_never_comes(self) -> Any:
        """Plain: ``loseConnection`` is never over."""
        return self.no_handshake(Losing())

    @inlineCallbacks
    def wrapped(self, owner: Any) -> Any:
        factory = ToldFactory(Told)
        wrapper = owner.own(TimeoutFactory(factory, 60))
        wrapper.connected = factory.connected
        wrapper.noisy = False
        protocol = yield self.serve(owner, wrapper)
        yield self.out_of_sight(protocol)
        yield self.check_closed(owner, protocol)

    def test_wrapped_factories(self) -> Any:
        """Behind a wrapping factory the innermost protocol hears the end."""
        return self.wrapped(self.scope())

    def test_plain_wrapped_factories(self) -> Any:
        """Plain: it never does while it is paused."""
        return self.wrapped(Plain())

    @inlineCallbacks
    def unix(self, owner: Any) -> Any:
        factory = owner.own(ToldFactory(Told))
        port = owner.own((yield UNIXServerEndpoint(reactor, self.path()).listen(factory)))
        protocol = yield self.accepted(port, factory)
        yield self.out_of_sight(protocol)
        yield self.check_closed(owner, protocol)

    def test_unix_sockets(self) -> Any:
        """A connection over a UNIX socket is closed like another."""
        return self.unix(self.scope())

    def test_plain_unix_sockets(self) -> Any:
        """Plain: one that is paused stays."""
        return self.unix(Plain())

    @inlineCallbacks
    def test_plain_idle(self) -> Any:
        """Plain: a connection that the reactor reads from is told, so the others could have been."""
        owner = Plain()
        protocol = yield self.serve(owner, owner.own(ToldFactory(Told)))
        yield owner.close()
        self.assertEqual(protocol.losses, 1)
