"""Pools of HTTP connections in a scope, with servers in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from tests.unit.listening import Wire
from tests.unit.scope_case import ScopeCase
from txresource import Scope
from txresource.errors import ResourceClosed

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


@implementer(IAgentEndpointFactory, IStreamClientEndpoint)
class Servers:
    """
    Every server there is.

    :ivar wires: the connections to them, oldest first.
    :ivar waiting: attempts that wait; ``None``: connected at once.
    :ivar deaf: whether connections close by force alone.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.wires: list[Wire] = []
        self.waiting: list[Deferred[Any]] | None = None
        self.deaf = False

    def endpointForURI(self, uri: Any) -> Servers:
        """One for all."""
        return self

    def connect(self, factory: Any) -> Deferred[Any]:
        """Connect."""

        def connected(_: Any) -> Any:
            wire = Wire(self.clock, self.deaf)
            self.wires.append(wire)
            return wire.connect(factory.buildProtocol(None))

        attempt: Deferred[Any] = Deferred()
        attempt.addCallback(connected)
        if self.waiting is None:
            attempt.callback(None)
        else:
            self.waiting.append(attempt)
        return attempt


class PoolCase(ScopeCase):
    """A scope that owns a pool on a clock that must be empty at the end."""

    last_turns = (0, 1)

    def setUp(self) -> None:
        """Make what is owned."""
        super().setUp()
        self.servers = Servers(self.clock)
        self.pool = HTTPConnectionPool(self.clock)
        self.agent = Agent.usingEndpointFactory(self.clock, self.servers, self.pool)

    def get(self) -> Deferred[Any]:
        """Ask for something."""
        return self.agent.request(b"GET", b"http://x/")

    def answered(self) -> None:
        """Ask, and be answered whole; the connection is idle then."""
        response = self.get()
        self.servers.wires[-1].protocol.dataReceived(ANSWER + b"ok")
        self.successResultOf(response)

    def shown(self) -> list[str]:
        """The kinds of what hangs below the pool."""
        return [view.kind for view in self.scope.tree().children[0].children]


class ConnectionPoolTests(PoolCase):
    """``own(HTTPConnectionPool(reactor))``."""

    def setUp(self) -> None:
        """Own it before it is used."""
        super().setUp()
        self.assertIs(self.scope.own(self.pool), self.pool)

    def test_idle(self) -> None:
        """An idle connection is lost in the drain pass, and waited for."""
        self.answered()
        self.assertEqual(self.shown(), ["connection"])
        closed = self.scope.close()
        self.assertEqual(self.servers.wires[0].asked, ["lose"])
        self.assertNoResult(closed)
        self.clock.advance(0)
        self.successResultOf(closed)

    def test_used_again(self) -> None:
        """A connection that is used again is still one node; lost, it leaves the tree."""
        self.answered()
        self.answered()
        self.assertEqual((len(self.servers.wires), self.shown()), (1, ["connection"]))
        self.servers.wires[0].loseConnection()
        self.clock.advance(0)
        self.assertEqual(self.shown(), [])

    def test_made_by(self) -> None:
        """A connection is known by the line that asked for it, while it closes, too."""
        self.servers.deaf = True
        self.answered()
        for end in (int, self.scope.close):
            end()
            (pool,) = self.scope.tree().children
            self.assertIn("self.agent.request", str(pool.children[0].created_at))

    def test_silent_peer(self) -> None:
        """An idle connection whose peer does not let it go is aborted at the deadline."""
        self.servers.deaf = True
        self.answered()
        closed = self.scope.close()
        self.clock.pump([0.1] * 56)
        self.successResultOf(closed)
        self.assertEqual(self.servers.wires[0].asked[-1], "abort")

    def test_request_under_way(self) -> None:
        """A request under way is answered within the grace; its connection is not kept."""
        response = self.get()
        closed = self.scope.close()
        self.clock.advance(1)
        self.assertNoResult(closed)
        self.servers.wires[0].protocol.dataReceived(ANSWER + b"ok")
        self.successResultOf(response)
        self.clock.pump([0.1, 0])
        self.successResultOf(closed)
        self.assertEqual(self.pool._connections, {})

    def test_unread_body(self) -> None:
        """A connection whose answer nobody reads is aborted when the grace is over."""
        self.servers.deaf = True
        response = self.get()
        self.servers.wires[0].protocol.dataReceived(ANSWER)
        self.successResultOf(response)
        closed = self.scope.close()
        self.clock.pump([0.1] * 56)
        self.successResultOf(closed)
        self.assertEqual(self.servers.wires[0].asked[-1], "abort")

    def test_never_sent_again(self) -> None:
        """A request on a connection that was used before is not sent again when that is aborted."""
        self.servers.deaf = True
        self.answered()
        response = self.get()
        closed = self.scope.close()
        self.clock.pump([0.1] * 56)
        self.successResultOf(closed)
        self.assertEqual(len(self.servers.wires), 1)
        self.failureResultOf(response, ResourceClosed)

    def test_connecting(self) -> None:
        """An attempt to connect is given up at once, and who asked hears why."""
        self.servers.waiting = []
        response = self.get()
        self.assertEqual(self.shown(), ["connecting"])
        self.successResultOf(self.scope.close())
        self.failureResultOf(response, ResourceClosed)

    def test_connected_too_late(self) -> None:
        """A connection that is made as it is given up is aborted, and who asked hears why."""
        self.servers.waiting = []
        response = self.get()
        (attempt,) = self.servers.waiting
        attempt._canceller = lambda d: d.callback(None)
        self.scope.close()
        self.assertEqual(self.servers.wires[0].asked, ["abort"])
        self.failureResultOf(response, ResourceClosed)

    def test_cancelled(self) -> None:
        """Who cancels a request while all is open is told so."""
        self.servers.waiting = []
        response = self.get()
        response.cancel()
        self.failureResultOf(response, CancelledError)
        self.assertEqual(self.shown(), [])

    def test_refused(self) -> None:
        """A request that comes while the pool closes, or after, is refused."""
        self.get().addErrback(lambda _: None)
        closed = self.scope.close()
        self.failureResultOf(self.get(), ResourceClosed)
        self.scope.abort()
        self.clock.advance(0)
        self.successResultOf(closed)
        self.failureResultOf(self.get(), ResourceClosed)
        self.assertEqual(len(self.servers.wires), 1)

    def test_owned_twice(self) -> None:
        """A pool that is owned twice is owned once, by the later owner."""
        other = Scope(self.clock, "other")
        other.own(self.pool)
        self.answered()
        self.successResultOf(self.scope.close())
        self.answered()
        other.close()
        self.clock.advance(0)
        self.failureResultOf(self.get(), ResourceClosed)


class LateTests(PoolCase):
    """A pool that was used before it is owned; and plain ones."""

    def test_idle(self) -> None:
        """The connections that are idle when the close begins are lost, and waited for."""
        self.servers.deaf = True
        self.answered()
        self.scope.own(self.pool)
        closed = self.scope.close()
        self.clock.pump([0.1] * 56)
        self.successResultOf(closed)
        self.assertEqual(self.servers.wires[0].asked[-1], "abort")

    def test_request_under_way(self) -> None:
        """A connection in use is not kept when its answer comes, be it after the close."""
        self.get()
        self.scope.own(self.pool)
        self.successResultOf(self.scope.close())
        self.servers.wires[0].protocol.dataReceived(ANSWER + b"ok")
        self.clock.pump([0, 0])
        self.assertEqual(self.servers.wires[0].asked, ["lose"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_plain_is_not_enough(self) -> None:
        """Without a scope: a silent peer holds up the close, and a request opens all again."""
        self.servers.deaf = True
        self.answered()
        waiting = self.pool.closeCachedConnections()
        self.clock.pump([1.0] * 60)
        self.assertNoResult(waiting)
        self.servers.deaf = False
        self.answered()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)  # kept, for four minutes
        self.pool.closeCachedConnections()
