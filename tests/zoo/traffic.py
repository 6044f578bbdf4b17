"""What the programs of the zoo share: their pace, and the clients of their own servers."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.application.service import Application, Service
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.web.client import Agent, HTTPConnectionPool, readBody

log = Logger()
reactor: Any = installed

#: Whether a program is to let go of what it keeps otherwise.
CURED = os.environ.get("ZOO") == "cured"
#: Seconds between two rounds of a program that is run by hand, and has no pace of its own.
BY_HAND = 0.5
TCP = "tcp:0:interface=127.0.0.1"


class Rounds(Service):
    """
    Opens a server, and then makes one round of traffic after the other.

    :param open_server: makes it; a coroutine function.
    :param play: makes one round, given its number, from 1 on; a coroutine function.
    :param every: seconds between rounds. ``None``: one round a SIGUSR1 where the environment has
        ``ZOO_PACE=signal``, so that it is the same traffic between any two snapshots.
    """

    def __init__(
        self,
        open_server: Callable[[], Awaitable[Any]],
        play: Callable[[int], Awaitable[Any]],
        every: float | None,
    ) -> None:
        self._open_server = open_server
        self._play = play
        self._every = every
        self._number = 0
        self._loop = LoopingCall(self._round)

    def startService(self) -> None:
        super().startService()
        reactor.callWhenRunning(self._open)

    def _open(self) -> None:
        opening = ensureDeferred(self._open_server())  # type: ignore[arg-type]
        opening.addCallback(self._opened).addErrback(self._failed)

    def _opened(self, _: Any) -> None:
        if self._every is None and os.environ.get("ZOO_PACE") == "signal":
            signal.signal(signal.SIGUSR1, lambda *_: reactor.callFromThread(self._round))
        else:
            self._loop.start(self._every or BY_HAND)
        log.info("the zoo is open")

    def _round(self) -> Deferred[None]:
        self._number += 1
        playing = ensureDeferred(self._play(self._number))  # type: ignore[arg-type]
        return playing.addCallbacks(self._played, self._failed)

    def _played(self, _: Any) -> None:
        if not self._loop.running:
            log.info("round {number} is over", number=self._number)

    def _failed(self, failure: Any) -> None:
        if self.running:
            log.failure("round {number} failed", failure, number=self._number)

    def stopService(self) -> None:
        super().stopService()
        if self._loop.running:
            self._loop.stop()


def make_application(
    open_server: Callable[[], Awaitable[Any]],
    play: Callable[[int], Awaitable[Any]],
    every: float | None = None,
) -> Any:
    """The application of one program, as :class:`Rounds` describes it."""
    application = Application("zoo")
    Rounds(open_server, play, every).setServiceParent(application)
    return application


async def serve(factory: Any, description: str = TCP) -> Any:
    """Listen; the endpoint for clients of it."""
    port = await serverFromString(reactor, description).listen(factory)
    host = port.getHost()
    if description.startswith("unix:"):
        return clientFromString(reactor, f"unix:{host.name.decode()}")
    return clientFromString(reactor, f"tcp:127.0.0.1:{host.port}")


class Talker(Protocol):
    """
    A client that says something, hears its answer, and hangs up.

    :param lines: how many lines the answer has; ``None``: it stays, and hears whatever comes.
    """

    def __init__(self, said: bytes, lines: int | None) -> None:
        self.said = said
        self.lines = lines
        self.heard = 0
        self.gone: Deferred[int] = Deferred()

    def connectionMade(self) -> None:
        self.transport.write(self.said)

    def dataReceived(self, data: bytes) -> None:
        self.heard += data.count(b"\n")
        if self.lines is not None and self.heard >= self.lines:
            self.transport.loseConnection()

    def connectionLost(self, reason: Any = None) -> None:
        self.gone.callback(self.heard)


class _Talkers(Factory):
    """Builds one. A class of ours: connectProtocol() makes one a call, which is left to the collector."""

    noisy = False

    def __init__(self, talker: Talker) -> None:
        self.talker = talker

    def buildProtocol(self, addr: Any) -> Talker:
        return self.talker


async def talk(endpoint: Any, said: bytes = b"hello\n", lines: int = 1) -> int:
    """Connect, say something, hear so many lines, and hang up; how many lines it were."""
    talker = await endpoint.connect(_Talkers(Talker(said, lines)))
    heard: int = await talker.gone
    return heard


async def come(endpoint: Any, said: bytes = b"hello\n") -> Talker:
    """Connect, say something, and stay."""
    talker: Talker = await endpoint.connect(_Talkers(Talker(said, None)))
    return talker


async def leave(talker: Talker) -> None:
    """Hang up."""
    talker.transport.loseConnection()
    await talker.gone


class Browser:
    """
    A client for a site.

    :param endpoint: where the site is.
    :param persistent: keep connections for the next request.
    """

    def __init__(self, endpoint: Any, persistent: bool = False) -> None:
        self.pool = HTTPConnectionPool(reactor, persistent)
        self.agent = Agent(reactor, pool=self.pool)
        self.address = f"http://127.0.0.1:{endpoint._port}"

    async def get(self, path: str) -> bytes:
        """Get a page."""
        response = await self.agent.request(b"GET", f"{self.address}{path}".encode())
        body: bytes = await readBody(response)
        return body
