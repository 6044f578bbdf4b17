"""A forked child, and other threads, with a real reactor and real sockets."""

from __future__ import annotations

import gc
import os
import select
import selectors
import socket
import warnings
from collections.abc import Callable
from threading import get_ident
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall, deferLater
from twisted.internet.threads import blockingCallFromThread, deferToThread
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

    async def test_plain_port_in_a_child(self) -> None:
        """Plain: a port that a forked child stops is deaf in the parent, where they share a poller."""
        await deferLater(reactor, 0)
        port = reactor.listenTCP(0, Factory.forProtocol(Echo), interface="127.0.0.1")
        self.assertEqual(self.in_child(lambda: bool(port.stopListening())), 0)
        asked = deferToThread(self.ask, port.getHost().port, 0.5)
        if self.shares_its_poller():
            await asked.addCallbacks(
                lambda answer: self.fail(f"answered {answer!r}"), lambda f: f.trap(TimeoutError)
            )
        else:
            self.assertEqual(await asked, b"x")
        if hasattr(getattr(reactor, "_poller", None), "modify"):  # it counts on its registration
            reactor._poller.register(port.fileno(), select.EPOLLIN)
        await port.stopListening()

    @staticmethod
    def shares_its_poller() -> bool:
        """Whether what a forked child takes out of its reactor is gone in the parent's."""
        loop = getattr(reactor, "_asyncioEventloop", None)
        if loop is not None:
            return isinstance(loop._selector, getattr(selectors, "EpollSelector", ()))
        return isinstance(getattr(reactor, "_poller", None), getattr(select, "epoll", ()))

    @staticmethod
    def ask(port: int, timeout: float = 10) -> bytes:
        """Talk to the server."""
        with socket.create_connection(("127.0.0.1", port), timeout=timeout) as peer:
            peer.sendall(b"x")
            return peer.recv(1)


class ThreadTests(TestCase):
    """Use from a thread of the pool."""

    timeout = 20

    async def told_in(self, end: Callable[[LoopingCall], Any]) -> int:
        """The thread in which a loop tells of its end, when that is called for in another one."""
        loop = LoopingCall(int)
        told: Deferred[int] = Deferred()
        loop.start(60).addCallback(lambda _: told.callback(get_ident()))
        await deferToThread(lambda: bool(end(loop)))
        return await told

    async def test_told_in_the_reactors_thread(self) -> None:
        """What a scope that is closed from a thread owns is ended in the reactor's thread."""
        scope = Scope(reactor, "loops")
        ident = await self.told_in(
            lambda loop: blockingCallFromThread(reactor, scope.own, loop) and scope.close()
        )
        self.assertEqual(ident, get_ident())

    async def test_plain_told_in_the_thread(self) -> None:
        """Plain: what is stopped from a thread tells its callbacks there."""
        self.assertNotEqual(await self.told_in(lambda loop: loop.stop()), get_ident())

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
