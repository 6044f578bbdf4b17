"""The bundled service: a chat server with a web front, its own visitors, and one leak."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from html import escape
from itertools import count, cycle
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, readBody
from twisted.web.iweb import IAgentEndpointFactory
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from zope.interface import implementer

from txresource.connections import ManagedFactoryMixin, ManagedProtocolMixin
from txresource.services import ManagedServiceMixin
from txresource.weak import weakly

__all__ = (
    "Chat",
    "ChatRoom",
    "DemoService",
    "FrontPage",
    "Message",
    "OneServer",
    "QuietSite",
    "Visitor",
    "VisitorFactory",
    "printable",
)

log = Logger()

_LOOPBACK = "127.0.0.1"
#: More than this many are not let in.
_SEATS = 100
#: Characters of a name.
_NAME = 20
#: Lines that the page shows. Fewer than a type has to gain before it is called growing.
_SHOWN = 8
#: Seconds between two messages; and how many of them until somebody joins or leaves.
_PACE = 0.05
_TICKS = 10
#: Seconds between two looks at the page.
_LOOK = 0.2
#: Of our own visitors there are between these two numbers.
_FEW, _MANY = 4, 6
#: Seconds between two lines in the log.
_NEWS = 5.0
_SAYINGS = (
    "good morning",
    "is anybody here from the night shift?",
    "a < b && b < c, so the page has to escape this",
    "I have to go in a minute",
    "what did I miss?",
)


@dataclass(frozen=True, slots=True)
class Message:
    """
    A line that somebody said; with the leak, these are what is never let go.

    :ivar author: a name, printable.
    :ivar text: printable.
    """

    author: str
    text: str


def printable(line: bytes) -> str:
    """The text of a line, without what could steer the terminals of those who read it."""
    return "".join(filter(str.isprintable, line.decode("utf-8", "replace"))).strip()


class Chat(ManagedProtocolMixin, LineReceiver):
    """One who is on: the first line is the name, each one after it a message."""

    delimiter = b"\n"
    MAX_LENGTH = 1024
    factory: ChatRoom
    transport: Any
    name = ""
    _behind = False

    def connectionMade(self) -> None:
        """Ask for the name, and hear when the other end does not keep up with reading."""
        self.transport.registerProducer(self, True)
        self.tell("your name?")

    def lineReceived(self, line: bytes) -> None:
        """Take the name or a message."""
        text = printable(line)
        if text and self.name:
            self.factory.say(Message(self.name, text))
        elif text and not self.factory.join(self, text[:_NAME]):
            self.tell("that name is taken, or the room is full")

    def tell(self, text: str) -> None:
        """Write a line; one who does not read misses it, and fills no memory here."""
        if not self._behind:
            self.sendLine(text.encode())

    def pauseProducing(self) -> None:
        """The other end does not keep up."""
        self._behind = True

    def resumeProducing(self) -> None:
        """It has caught up."""
        self._behind = False

    def stopProducing(self) -> None:
        """The connection is lost, and ``connectionLost`` follows."""

    def draining(self) -> None:
        """Say goodbye."""
        self.tell("* the server is closing")

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Leave the room."""
        self.factory.leave(self)


class ChatRoom(ManagedFactoryMixin, Factory):
    """
    Everybody who is on, and what was said last.

    :param reactor: the reactor.
    :param leak: whether every message is kept for good.
    """

    protocol: Any = Chat
    noisy = False

    def __init__(self, reactor: Any, leak: bool) -> None:
        self.reactor = reactor
        self.present: dict[str, Chat] = {}
        self.recent: deque[Message] = deque(maxlen=_SHOWN)
        self.said = 0
        # The deliberate leak: nobody ever takes a message out of here.
        self.archive: list[Message] | None = [] if leak else None

    def join(self, chat: Chat, name: str) -> bool:
        """Let somebody in, if the name is free and there is a seat."""
        if name in self.present or len(self.present) >= _SEATS:
            return False
        chat.name = name
        self.present[name] = chat
        self._announce(f"* {name} is here")
        return True

    def leave(self, chat: Chat) -> None:
        """Forget somebody who is gone, and who may never have given a name."""
        if self.present.pop(chat.name, None) is not None:
            self._announce(f"* {chat.name} has left")

    def say(self, message: Message) -> None:
        """Pass a message on to everybody."""
        self.said += 1
        self.recent.append(message)
        if self.archive is not None:
            self.archive.append(message)
        self._announce(f"{message.author}: {message.text}")

    def _announce(self, text: str) -> None:
        for chat in tuple(self.present.values()):
            chat.tell(text)


class FrontPage(Resource):
    """The page: who is on, and the last lines."""

    def __init__(self, room: ChatRoom) -> None:
        super().__init__()
        self._room = room

    def render_GET(self, request: Request) -> bytes:
        """Everything that people wrote is escaped."""
        request.setHeader(b"content-type", b"text/html; charset=utf-8")
        names = ", ".join(escape(name) for name in self._room.present) or "nobody"
        lines = "".join(
            f"<li><b>{escape(message.author)}</b>: {escape(message.text)}"
            for message in tuple(self._room.recent)
        )
        return (
            '<!doctype html><html lang="en"><meta http-equiv="refresh" content="2">'
            f"<title>{len(self._room.present)} on</title><p>On: {names}<ul>{lines}</ul></html>"
        ).encode()


class QuietSite(Site):
    """A site that does not log each request: the terminal is for what matters here."""

    noisy = False

    def log(self, request: Any) -> None:
        """Nothing."""


class Visitor(ManagedProtocolMixin, LineReceiver):
    """One of our own, who comes, says something now and then, and goes."""

    delimiter = b"\n"
    factory: VisitorFactory
    transport: Any

    def connectionMade(self) -> None:
        """Give a name."""
        self.sendLine(b"visitor %d" % next(self.factory.numbers))
        self.factory.present.append(self)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Be gone."""
        self.factory.present.remove(self)

    def lineReceived(self, line: bytes) -> None:
        """What others say is not listened to."""


class VisitorFactory(ManagedFactoryMixin, Factory):
    """Makes our own visitors; ``present`` has those who are connected, oldest first."""

    protocol: Any = Visitor
    noisy = False

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self.present: list[Visitor] = []
        self.numbers = count(1)


@implementer(IAgentEndpointFactory)
class OneServer:
    """The endpoint of the one server that we ask: no name is looked up, and no thread is needed."""

    def __init__(self, reactor: Any, port: int) -> None:
        self._endpoint = TCP4ClientEndpoint(reactor, _LOOPBACK, port, timeout=5)

    def endpointForURI(self, uri: Any) -> TCP4ClientEndpoint:
        """The same for every address."""
        return self._endpoint


class DemoService(ManagedServiceMixin, Service):
    """
    A chat server on loopback with a web front and visitors of its own, who say twenty lines a second.

    Its ports are closed by whoever takes care of the reactor's listeners, as ``CareService`` does.

    :param reactor: the reactor.
    :param leak: whether it keeps a :class:`Message` for each one sent.
    """

    def __init__(self, reactor: Any, *, leak: bool = True) -> None:
        self.reactor = reactor
        self._leak = leak

    def startService(self) -> None:
        """Listen on two ports that the system chooses, and begin with the traffic."""
        super().startService()
        self._room = ChatRoom(self.reactor, self._leak)
        self._visitors = VisitorFactory(self.reactor)
        self._pool = HTTPConnectionPool(self.reactor)
        self.scope.own(self._pool, close=self._pool.closeCachedConnections)
        self._chat_port = self._listen(self._room)
        pages = Resource()
        pages.putChild(b"", FrontPage(self._room))
        page_port = self._listen(QuietSite(pages))
        self._url = f"http://{_LOOPBACK}:{page_port}/"
        self._agent = Agent.usingEndpointFactory(
            self.reactor, OneServer(self.reactor, page_port), pool=self._pool
        )
        self._where = TCP4ClientEndpoint(self.reactor, _LOOPBACK, self._chat_port, timeout=5)
        self.scope.own(self._visitors)
        self._sayings, self._ticks, self._filling = cycle(_SAYINGS), 0, True
        self._told = (self.reactor.seconds(), 0)
        for _ in range(_FEW):
            self._invite()
        self.scope.looping_call(weakly(self._tick), _PACE)
        self.scope.looping_call(weakly(self._look), _LOOK)
        self.scope.looping_call(weakly(self._tell), _NEWS)

    def _listen(self, factory: Any) -> int:
        port = self.reactor.listenTCP(0, self.scope.own(factory), interface=_LOOPBACK)
        return int(port.getHost().port)

    def _tick(self) -> None:
        """One of our visitors says something; now and then one joins or the oldest leaves."""
        present = self._visitors.present
        if self._ticks % _TICKS == 0:
            self._come_or_go()
        if present:
            present[self._ticks % len(present)].sendLine(next(self._sayings).encode())
        self._ticks += 1

    def _come_or_go(self) -> None:
        present = self._visitors.present
        self._filling = len(present) < (_MANY if self._filling else _FEW)
        if self._filling:
            self._invite()
        else:
            present[0].transport.loseConnection()

    def _invite(self) -> None:
        joining = self.scope.start(self._where.connect(self._visitors), name="join")
        joining.addErrback(weakly(self._stayed_away))

    def _look(self) -> Deferred[None]:
        """Look at our own page; the next look waits for this one."""
        page = self._agent.request(b"GET", self._url.encode()).addCallback(readBody)
        return self.scope.start(page, name="look").addCallbacks(
            lambda body: None, weakly(self._stayed_away)
        )

    def _stayed_away(self, failure: Failure) -> None:
        """A visitor did not get through: at shutdown that is as it should be."""
        if self.running:
            log.warn("a visitor did not get through: {why}", why=failure.getErrorMessage())

    def _tell(self) -> None:
        """One line of news."""
        now, said = self.reactor.seconds(), self._room.said
        began, before = self._told
        self._told = (now, said)
        log.info(
            "demo: {on} on, {rate:.1f} messages a second, {kept} kept for good;"
            " web front at {url}, chat at {host} port {port}",
            on=len(self._room.present),
            rate=(said - before) / max(now - began, 1e-9),
            kept=0 if self._room.archive is None else len(self._room.archive),
            url=self._url,
            host=_LOOPBACK,
            port=self._chat_port,
        )
