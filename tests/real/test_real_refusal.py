"""Who comes while a scope closes is refused, though the port was owned first; with a plain twin."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import tempfile
from typing import Any

from twisted.internet import reactor, ssl
from twisted.internet.defer import (
    Deferred,
    ensureDeferred,
    gatherResults,
    inlineCallbacks,
)
from twisted.internet.endpoints import SSL4ClientEndpoint, TCP4ClientEndpoint, UNIXClientEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.real.children import HANG
from tests.real.tls import certificate
from txresource import ManagedProtocolMixin, Scope

ATTEMPTS = 5


class Server(Protocol):
    """Answers each question, once the factory says so; tells when it is lost."""

    def connectionMade(self) -> None:
        self.lost: Deferred[None] = Deferred()
        self.factory.servers.append(self)

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(b"answer")

    def connectionLost(self, reason: Any = None) -> None:
        self.lost.callback(None)


class SlowServer(Server):
    """Answers a slow question when its factory's ``go`` has fired: so long it is in flight."""

    def dataReceived(self, data: bytes) -> None:
        if data == b"slow":
            self.prepare(self.factory.go.addCallback(lambda _: self.transport.write(b"answer")))
            self.factory.asked.callback(None)
        else:
            super().dataReceived(data)

    def prepare(self, answer: Deferred[None]) -> None:
        """Called with what ends when the answer is written."""


class ManagedServer(ManagedProtocolMixin, SlowServer):
    """Its scope owns the answer."""

    def prepare(self, answer: Deferred[None]) -> None:
        self.scope.start(answer)


class Client(Protocol):
    """Asks, and tells of the answer and of its end."""

    def connectionMade(self) -> None:
        self.answer: Deferred[bytes] | None = None
        self.lost: Deferred[None] = Deferred()

    def ask(self, question: bytes = b"question") -> Deferred[bytes]:
        self.answer = Deferred()
        self.transport.write(question)
        return self.answer

    def dataReceived(self, data: bytes) -> None:
        answer, self.answer = self.answer, None
        if answer is not None:
            answer.callback(data)

    def connectionLost(self, reason: Any = None) -> None:
        if self.answer is not None:
            self.answer.callback(b"")
        self.lost.callback(None)


class Stack:
    """What ``contextlib`` offers in the place of a scope."""

    def __init__(self) -> None:
        self.stack = contextlib.AsyncExitStack()

    def own(self, port: Any) -> Any:
        self.stack.push_async_callback(self.stop, port)
        return port

    async def stop(self, port: Any) -> None:
        await port.stopListening()

    def start(self, work: Any) -> Deferred[Any]:
        task, done = ensureDeferred(work), Deferred[None]()

        def finished(result: Any) -> Any:
            done.callback(None)
            return result

        async def wait() -> None:
            await done

        self.stack.push_async_callback(wait)
        return task.addBoth(finished)

    def close(self) -> Deferred[None]:
        return ensureDeferred(self.stack.aclose())


class PortFirst(Stack):
    """A stack that stops its port before all else."""

    def own(self, port: Any) -> Any:
        self.port = port
        return port

    def close(self) -> Deferred[None]:
        return ensureDeferred(self.close_port_first())

    async def close_port_first(self) -> None:
        await self.stop(self.port)
        await self.stack.aclose()


class TCPTests(TestCase):
    """On TCP."""

    timeout = HANG
    #: What a client in the backlog reads that asked without more ado.
    answer = b"answer"
    #: The number of the error of a client that nobody listens to.
    refusal = errno.ECONNREFUSED

    def listen(self, factory: Any) -> Any:
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.port = port.getHost().port
        return port

    def endpoint(self) -> Any:
        return TCP4ClientEndpoint(reactor, "127.0.0.1", self.port)

    def raw_client(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port))

    # -- the script, which is the same for a scope and for a stack

    @inlineCallbacks
    def open(self, owner: Any) -> Any:
        """Own a port first, then work on a connection that lasts until ``go``."""
        self.factory: Any = Factory.forProtocol(Server)
        self.factory.servers = []
        owner.own(self.listen(self.factory))
        self.addCleanup(lambda: gatherResults([each.lost for each in self.factory.servers]))
        client = yield self.endpoint().connect(Factory.forProtocol(Client))
        self.addCleanup(lambda: client.lost)
        self.addCleanup(client.transport.abortConnection)
        yield client.ask()
        self.go: Deferred[None] = Deferred()

        async def work() -> bytes:
            await self.go
            answer: bytes = await client.ask()
            return answer

        self.work = owner.start(work())

    @inlineCallbacks
    def attempt(self) -> Any:
        """Make an attempt: its answer, or the number of its error."""
        try:
            client = yield self.endpoint().connect(Factory.forProtocol(Client))
        except ConnectError as error:
            return error.osError
        answer = yield client.ask()
        client.transport.abortConnection()
        yield client.lost
        return answer

    @inlineCallbacks
    def attempts_during(self, owner: Any) -> Any:
        """What becomes of attempts made while the owner closes; the work under way finishes."""
        yield self.open(owner)
        closed = owner.close()
        found = yield gatherResults([self.attempt() for _ in range(ATTEMPTS)])
        self.assertFalse(closed.called)
        self.go.callback(None)
        self.assertEqual((yield self.work), b"answer")
        yield closed
        return found

    @inlineCallbacks
    def backlog_of(self, owner: Any) -> Any:
        """
        What is read by clients that the kernel has connected, and that nobody has accepted, when
        the close begins: from each a pair of bytes and ``"reset"`` or ``"end"``.
        """
        yield self.open(owner)
        clients = [self.raw_client() for _ in range(ATTEMPTS)]
        for client in clients:
            client.settimeout(HANG)
            client.sendall(b"question")
        closed = owner.close()
        found = []
        for client in clients:
            found.append((yield deferToThread(read_once, client)))
            client.close()
        self.assertFalse(closed.called)
        self.go.callback(None)
        self.assertEqual((yield self.work), b"answer")
        yield closed
        return found

    # -- what becomes of it

    def scope(self) -> Scope:
        scope = Scope(reactor, "refusing", grace=HANG)
        self.addCleanup(scope.abort)
        return scope

    @inlineCallbacks
    def test_refused(self) -> Any:
        """All who come during a close are refused, though the port was owned before the work."""
        found = yield self.attempts_during(self.scope())
        self.assertEqual(found, [self.refusal] * ATTEMPTS)
        self.assertEqual(len(self.factory.servers), 1)

    @inlineCallbacks
    def test_plain_stack_accepts(self) -> Any:
        """Plain: an exit stack with the same order serves them all."""
        found = yield self.attempts_during(Stack())
        self.assertEqual(found, [b"answer"] * ATTEMPTS)

    @inlineCallbacks
    def test_backlog(self) -> Any:
        """Who connected before the close is answered, though nobody had accepted it."""
        found = yield self.backlog_of(self.scope())
        self.assertEqual(found, [(self.answer, "end")] * ATTEMPTS)
        self.assertEqual(len(self.factory.servers), 1 + ATTEMPTS)

    @inlineCallbacks
    def test_plain_backlog(self) -> Any:
        """Plain: a port that stops first, as it does in the scope, resets who waits there."""
        found = yield self.backlog_of(PortFirst())
        self.assertEqual(found, [(b"", "reset")] * ATTEMPTS)
        self.assertEqual(len(self.factory.servers), 1)


class AcceptedTests(TCPTests):
    """On TCP, with the answer of an accepted connection in the place of a task."""

    @inlineCallbacks
    def open(self, owner: Any) -> Any:
        """Own a port first, then a connection with an answer in flight until ``go``."""
        plain = isinstance(owner, Stack)
        self.factory = Factory.forProtocol(SlowServer if plain else ManagedServer)
        self.factory.servers = []
        self.factory.go = self.go = Deferred()
        self.factory.asked = Deferred()
        owner.own(self.listen(self.factory))
        self.addCleanup(lambda: gatherResults([each.lost for each in self.factory.servers]))
        if not plain:
            owner.own(self.factory)
        client = yield self.endpoint().connect(Factory.forProtocol(Client))
        self.addCleanup(lambda: client.lost)
        self.addCleanup(client.transport.abortConnection)
        self.work = client.ask(b"slow")
        yield self.factory.asked
        if plain:

            async def answered() -> None:
                await self.go

            owner.start(answered())


class UNIXTests(TCPTests):
    """On UNIX sockets, whose file is gone when nobody listens."""

    refusal = errno.ENOENT

    def setUp(self) -> None:
        self.path = os.path.join(tempfile.mkdtemp(), "socket")  # a short name: they have a limit
        self.addCleanup(shutil.rmtree, os.path.dirname(self.path))

    def listen(self, factory: Any) -> Any:
        return reactor.listenUNIX(self.path, factory)

    def endpoint(self) -> Any:
        return UNIXClientEndpoint(reactor, self.path)

    def raw_client(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.connect(self.path)
        return client


class TLSTests(TCPTests):
    """On TLS; a client that talks without it gets no answer."""

    answer = b""

    def listen(self, factory: Any) -> Any:
        options = certificate().options()
        port = reactor.listenSSL(0, factory, options, interface="127.0.0.1")
        self.port = port.getHost().port
        return port

    def endpoint(self) -> Any:
        return SSL4ClientEndpoint(reactor, "127.0.0.1", self.port, ssl.CertificateOptions())


def read_once(client: socket.socket) -> tuple[bytes, str]:
    """What a client reads, and how that ended."""
    try:
        return client.recv(1024), "end"
    except ConnectionResetError:
        return b"", "reset"
