"""A web server that drains: backlogs, keep-alive connections, the linger; beside each its plain twin."""

from __future__ import annotations

import os
import signal
import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults, inlineCallbacks
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from twisted.web.static import Data

from tests.real.children import HANG, close_with_reset, connect, read_to_end
from tests.real.test_real_http2 import WebCase
from txresource import Scope
from txresource.root import root_node

ASK = b"GET /fast HTTP/1.1\r\nHost: x\r\n\r\n"
COUNT = 8


class Held(Resource):
    """Answers when it is told to."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: Deferred[Any] = Deferred()

    def render_GET(self, request: Any) -> Any:
        self.asked.callback(request)
        return NOT_DONE_YET


class DrainCase(TestCase):
    """A site, owned or not, and clients that block."""

    path = ""

    def setUp(self) -> None:
        self.held = Held()
        root = Resource()
        root.putChild(b"fast", Data(b"fast", "text/plain"))
        root.putChild(b"held", self.held)
        self.site = Site(root)
        self.site.noisy = False
        self.addCleanup(lambda: self.assertFalse(root_node(reactor).children))

    def serve(self, unix: bool = False) -> Any:
        """Listen; the port is stopped when the test ends, if it has not been before."""
        if unix:
            self.path = os.path.join("/tmp", f"txresource-{os.getpid()}-drain.sock")
            return reactor.listenUNIX(self.path, self.site)
        port = reactor.listenTCP(0, self.site, interface="127.0.0.1")
        self.port = port.getHost().port
        return port

    def own(self, port: Any, **times: float) -> Scope:
        """Own the site and the port."""
        scope = Scope(reactor, "server", **{"grace": 30.0, **times})
        scope.own(self.site)
        scope.own(port)
        self.addCleanup(scope.close, 0)
        return scope

    def client(self) -> socket.socket:
        """A client that is connected, though nobody has accepted it yet."""
        if self.path:
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(HANG)
            client.connect(self.path)
        else:
            client = connect(self.port)
        self.addCleanup(close_with_reset, client)
        return client

    @inlineCallbacks
    def keep_alive(self) -> Any:
        """A client that has had an answer."""
        client = self.client()
        client.sendall(ASK)
        answer = yield deferToThread(client.recv, 65536)
        self.assertNotIn(b"onnection: close", answer)
        return client

    def read_all(self, clients: list[socket.socket]) -> Any:
        """What each of them reads to its end."""
        return gatherResults([deferToThread(read_to_end, client) for client in clients])

    def check_last(self, answer: bytes) -> None:
        """An answer that is whole, and says that it is the last one."""
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200"), answer)
        self.assertIn(b"\r\nConnection: close", head)
        self.assertEqual(body, b"fast")


class BacklogTests(DrainCase):
    """Connections that nobody has accepted when the server is told to end."""

    @inlineCallbacks
    def check(self, unix: bool) -> Any:
        scope = self.own(self.serve(unix))
        clients = [self.client() for _ in range(COUNT)]
        for client in clients:
            client.sendall(ASK)
        closed = scope.close()
        answers = yield self.read_all(clients)
        for answer in answers:
            self.check_last(answer)
        yield closed

    @inlineCallbacks
    def check_plain(self, unix: bool) -> Any:
        port = self.serve(unix)
        clients = [self.client() for _ in range(COUNT)]
        for client in clients:
            client.sendall(ASK)
        yield port.stopListening()
        answers = yield self.read_all(clients)
        self.assertEqual(answers, [b""] * COUNT)

    def test_tcp(self) -> Any:
        """They are accepted and answered, once."""
        return self.check(unix=False)

    def test_unix(self) -> Any:
        """They are accepted and answered, once."""
        return self.check(unix=True)

    def test_plain_tcp(self) -> Any:
        """Plain: they are reset when the port stops."""
        return self.check_plain(unix=False)

    def test_plain_unix(self) -> Any:
        """Plain: they are reset when the port stops."""
        return self.check_plain(unix=True)

    @inlineCallbacks
    def test_first_word_comes_later(self) -> Any:
        """One that asks a moment later is answered; one that says nothing holds nothing up."""
        scope = self.own(self.serve())
        asking, silent = self.client(), self.client()
        closed = scope.close()
        yield deferLater(reactor, 0, lambda: None)
        asking.sendall(ASK)
        answers = yield self.read_all([asking, silent])
        self.check_last(answers[0])
        self.assertEqual(answers[1], b"")
        yield closed
        assert scope._node.run is not None
        self.assertEqual(scope._node.run.outcome.aborted, {})


class KeepAliveTests(DrainCase):
    """Connections that have had an answer."""

    @inlineCallbacks
    def test_idle(self) -> Any:
        """An idle one is closed at once; a request that has reached its socket is answered."""
        scope = self.own(self.serve())
        idle = yield self.keep_alive()
        asking = yield self.keep_alive()
        asking.sendall(ASK)  # in this very turn
        closed = scope.close()
        answers = yield self.read_all([idle, asking])
        self.assertEqual(answers[0], b"")
        self.check_last(answers[1])
        yield closed

    @inlineCallbacks
    def test_plain(self) -> Any:
        """Plain: the request is lost."""
        port = self.serve()
        protocols: list[Any] = []
        build = self.site.buildProtocol
        self.site.buildProtocol = (  # type: ignore[method-assign]
            lambda address: protocols.append(build(address)) or protocols[-1]  # type: ignore[func-returns-value]
        )
        asking = yield self.keep_alive()
        asking.sendall(ASK)
        protocols[0]._channel.loseConnection()
        answers = yield self.read_all([asking])
        self.assertEqual(answers, [b""])
        yield port.stopListening()

    @inlineCallbacks
    def test_under_way(self) -> Any:
        """A request under way is answered whole, says that it is the last, and is."""
        scope = self.own(self.serve())
        client = self.client()
        client.sendall(ASK.replace(b"fast", b"held") + ASK)
        request = yield self.held.asked
        closed = scope.close()
        request.write(b"fa")
        yield deferLater(reactor, 0.01, lambda: None)
        request.write(b"st")
        request.finish()
        ((answer),) = yield self.read_all([client])
        self.assertIn(b"onnection: close\r\n", answer)
        self.assertTrue(answer.endswith(b"2\r\nfa\r\n2\r\nst\r\n0\r\n\r\n"), answer)
        yield closed


class LingerTests(DrainCase):
    """``linger``."""

    @inlineCallbacks
    def test_last_answers(self) -> Any:
        """While it lingers, old and new connections get one more answer, and no other; then none."""
        scope = self.own(self.serve(), linger=1.5)
        idle, asking = (yield self.keep_alive()), (yield self.keep_alive())
        begun = scope.closing()
        closed = scope.close()
        self.successResultOf(begun)
        self.assertEqual(scope.state, "open")
        asking.sendall(ASK)
        new = self.client()
        new.sendall(ASK + ASK)
        answers = yield self.read_all([asking, new])
        for answer in answers:
            self.check_last(answer)
        task = scope.start(deferLater(reactor, 0, lambda: "done"))  # what serves may begin things
        self.assertEqual((yield task), "done")
        self.assertFalse(closed.called)
        answers = yield self.read_all([idle])
        self.assertEqual(answers, [b""])
        yield closed
        self.assertRaises(ConnectionRefusedError, self.client)

    @inlineCallbacks
    def test_abort(self) -> Any:
        """An abort in the linger is an abort."""
        scope = self.own(self.serve(), linger=20)
        idle = yield self.keep_alive()
        closed = scope.close()
        scope.abort()
        yield closed
        answers = yield self.read_all([idle])
        self.assertEqual(answers, [b""])


class LingeringServerTests(WebCase):
    """The plugin's ``--linger``."""

    def ask(self) -> bytes:
        """What a new client is answered, to the end of its connection."""
        client = connect(self.port("plain"))
        self.addCleanup(client.close)
        client.sendall(ASK)
        return read_to_end(client)

    def test_option(self) -> None:
        """The first signal begins the linger, in which it serves; the second ends it now."""
        server = self.serve("--linger", "50", "--grace", "60")
        server.wait_line("grace 60 s, linger 50 s")
        server.signal()
        server.wait_line(r"txresource.progress.*closing \d")
        self.assertIn(b"\r\nConnection: close", self.ask())
        server.signal()
        self.assertEqual(server.wait(), -signal.SIGTERM)
        self.assertIn("GET /fast", self.log())
