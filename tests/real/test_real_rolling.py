"""A server that is replaced while requests come in."""

from __future__ import annotations

import json
import signal
import socket
import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.real.apart import apart
from tests.real.children import PROGRAMS, ROOT, Program, ProgramTestCase
from txresource import Scope
from txresource.root import root_node

testSuite = apart(__name__)

#: Requests a second, half on connections that stay, half on fresh ones.
RATE = 300


class ReplacedTests(ProgramTestCase):
    """A client that asks all the time, and never twice for the same."""

    def load(self, port: int) -> Program:
        """Begin to ask."""
        program = str(PROGRAMS / "rolling_load.py")
        load = self.run_program([sys.executable, program, str(port), str(RATE)])
        load.wait_line("asking")
        return load

    def failures(self, load: Program) -> dict[str, int]:
        """Ask no more; what failed."""
        load.signal(signal.SIGTERM)
        found: dict[str, int] = json.loads(load.wait_line(r'^\["done", \d+, (.*)\]$')[1])
        return found

    def test_in_care(self) -> None:
        """No request fails while the documents' rolling.py replaces rolling_server.py twice."""
        example = str(ROOT / "docs" / "examples" / "rolling.py")
        keeper = self.run_program([sys.executable, example])
        load = self.load(int(keeper.wait_line(r"serving on (\d+)")[1]))
        for times in (1, 2):
            keeper.signal(signal.SIGHUP)
            keeper.wait_line("replaced", times)
        self.assertEqual(self.failures(load), {})
        keeper.signal(signal.SIGTERM)
        self.assertEqual(keeper.wait(), 0, keeper.text())
        self.assertTrue(keeper.group_is_empty())

    def test_plain(self) -> None:
        """Of plain Twisted's requests some fail, though the socket is handed over as well."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.addCleanup(listener.close)
        listener.setblocking(False)
        server = self.serve(listener)
        load = self.load(listener.getsockname()[1])
        heir = self.serve(listener)
        server.signal(signal.SIGTERM)
        server.wait()
        self.assertGreater(sum(self.failures(load).values()), 0)
        heir.signal(signal.SIGTERM)
        heir.wait()

    def serve(self, listener: socket.socket) -> Program:
        """A plain server on this socket."""
        program, number = str(PROGRAMS / "rolling_server.py"), str(listener.fileno())
        command = [sys.executable, program, "plain Twisted", number]
        server = Program(command, self.directory, inherit=(listener.fileno(),))
        self.addCleanup(server.close)
        server.wait_line("ready")
        return server


class Greeter(Protocol):
    """Says hello, and who it is."""

    def connectionMade(self) -> None:
        """Say it."""
        self.transport.write(self.factory.name)
        self.factory.greeted()


class GreeterFactory(Factory):
    """Counts whom it has greeted."""

    noisy = False
    protocol = Greeter

    def __init__(self, name: bytes, expected: int = 0) -> None:
        self.name, self.left = name, expected
        self.all_greeted: Deferred[None] = Deferred()

    def greeted(self) -> None:
        """One more."""
        self.left -= 1
        if self.left == 0:
            self.all_greeted.callback(None)


class BacklogTests(TestCase):
    """Connections that nobody has accepted yet when a port is closed."""

    def setUp(self) -> None:
        self.addCleanup(lambda: self.assertFalse(root_node(reactor).children))

    def listener(self, reuse: bool) -> socket.socket:
        """A listening socket."""
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(reuse))
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        listener.setblocking(False)
        return listener

    def clients(self, listener: socket.socket) -> list[socket.socket]:
        """Three that are connected, and in the backlog: the reactor has no turn before the close."""
        clients = [socket.create_connection(listener.getsockname()) for _ in range(3)]
        for client in clients:
            client.settimeout(30)
            self.addCleanup(client.close)
        return clients

    def serve(self, scope: Scope, listener: socket.socket, factory: Any) -> None:
        """Adopt the socket."""
        scope.own(factory)
        scope.own(reactor.adoptStreamPort(listener.fileno(), socket.AF_INET, factory))

    @inlineCallbacks
    def test_handed_over(self) -> Any:
        """They stay for the heir of the socket, which closing has not shut down."""
        listener, old, heir = (
            self.listener(reuse=False),
            Scope(reactor, "old"),
            Scope(reactor, "heir"),
        )
        self.serve(old, listener, GreeterFactory(b"old"))
        clients = self.clients(listener)
        yield old.close()
        factory = GreeterFactory(b"heir", expected=3)
        self.serve(heir, listener, factory)
        yield factory.all_greeted
        for client in clients:
            self.assertEqual((yield deferToThread(client.recv, 10)), b"heir")
        yield heir.close()

    @inlineCallbacks
    def test_of_its_own(self) -> Any:
        """Under SO_REUSEPORT no other process gets at them: the closing one takes them in."""
        listener, scope = self.listener(reuse=True), Scope(reactor, "server")
        self.serve(scope, listener, GreeterFactory(b"hello"))
        clients = self.clients(listener)
        yield scope.close()
        for client in clients:
            self.assertEqual((yield deferToThread(client.recv, 10)), b"hello")
