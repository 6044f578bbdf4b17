"""A forked child, and other threads, with a real reactor and real sockets."""

from __future__ import annotations

import gc
import os
import socket
import warnings
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.protocols.wire import Echo
from twisted.trial.unittest import TestCase

from txresource import Scope
from txresource.errors import WrongProcess, WrongThread

reactor: Any = installed


class ForkTests(TestCase):
    """What a forked child does with the scopes of its parent."""

    timeout = 20

    def in_child(self, function: Any) -> int:
        """Call something in a forked child; return its exit status: 0 when it returned true."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads of other tests
            pid = os.fork()
        if pid == 0:
            code = 2
            try:
                code = 0 if function() else 1
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    async def test_parent_goes_on(self) -> None:
        """Closing, aborting or dropping a scope in a forked child leaves the parent's sockets be."""
        await deferLater(reactor, 0)  # a reactor that runs: in which process is settled then
        for end in ("close", "abort", "drop"):
            scopes = [Scope(reactor, "served")]
            port = scopes[0].own(
                reactor.listenTCP(0, Factory.forProtocol(Echo), interface="127.0.0.1")
            )

            def child(scopes: list[Scope] = scopes, end: str = end) -> bool:
                try:
                    scopes[0].child("late")
                except WrongProcess:
                    pass
                else:
                    return False
                warnings.simplefilter("error")
                if end == "drop":
                    scopes.clear()
                    gc.collect()
                else:
                    getattr(scopes[0], end)()
                return True

            self.assertEqual(self.in_child(child), 0, end)
            answered: bytes = await deferToThread(self.ask, port.getHost().port)
            self.assertEqual(answered, b"x")
            await scopes[0].close()

    @staticmethod
    def ask(port: int) -> bytes:
        """Talk to the server."""
        with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
            peer.sendall(b"x")
            return peer.recv(1)


class ThreadTests(TestCase):
    """Use from a thread of the pool."""

    timeout = 20

    async def test_close_from_a_thread(self) -> None:
        """A scope can be closed from a thread, and not be used in any other way."""
        scope = Scope(reactor, "served")
        port = scope.own(reactor.listenTCP(0, Factory.forProtocol(Echo), interface="127.0.0.1"))
        closed: Deferred[None] = Deferred()

        def there() -> None:
            try:
                scope.child("late")
            except WrongThread:
                scope.close().chainDeferred(closed)

        await deferToThread(there)
        await closed
        self.assertEqual((scope.state, port.connected), ("closed", False))
