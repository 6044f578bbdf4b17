"""
The server of ``soak_web.py``: a clean application, as ``twistd -y`` and the plugin take it.

``SOAK_SERVER`` says whether it is of ``twisted.web`` or of Klein, ``SOAK_TELL`` the descriptor
where the number of its port is written. What it does is the same in both.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from klein import Klein
from twisted.application.service import Application, Service
from twisted.internet import reactor as installed
from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks, maybeDeferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import deferLater
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from zope.interface import implementer

#: Bytes of a streamed answer, and of a piece of it.
STREAM, PIECE = 256 * 1024, b"s" * 16 * 1024

reactor: Any = installed


class Broken(Exception):
    """What the handlers that fail fail with."""


# -- what it does


def hello(request: Any) -> Any:
    """Answer at once."""
    return b"hello"


def upload(request: Any) -> Any:
    """Say how much came."""
    return b"%d" % len(request.content.read())


def later(request: Any) -> Any:
    """Answer in the next turn."""
    return deferLater(reactor, 0, lambda: b"later")


def raises(request: Any) -> Any:
    """Fail at once."""
    raise Broken("at once")


def errback(request: Any) -> Any:
    """Fail by a Deferred."""
    failing: Deferred[bytes] = Deferred()
    reactor.callLater(0, failing.errback, Broken("by a Deferred"))
    return failing


@inlineCallbacks
def inline(request: Any) -> Any:
    """Fail in a generator."""
    yield deferLater(reactor, 0)
    raise Broken("in a generator")


def coroutine(request: Any) -> Any:
    """Fail in a coroutine."""
    return Deferred.fromCoroutine(fail_in_coroutine())


async def fail_in_coroutine() -> None:
    await deferLater(reactor, 0)
    raise Broken("in a coroutine")


def waits(request: Any) -> Any:
    """Wait until the client is gone."""
    return Deferred()


def stream(request: Any) -> Any:
    """Send much, as fast as it is taken."""
    request.setHeader(b"content-length", b"%d" % STREAM)
    streaming = Streaming(request)
    request.registerProducer(streaming, True)
    streaming.resumeProducing()
    return streaming.done


@implementer(IPushProducer)
class Streaming:
    """Sends a piece a turn, and waits where the transport is full."""

    def __init__(self, request: Any) -> None:
        self.request = request
        self.left = STREAM
        self.call: Any = None
        self.done: Deferred[bytes] = Deferred(lambda _: self.pauseProducing())

    def resumeProducing(self) -> None:
        if self.call is None:
            self.call = reactor.callLater(0, self.send)

    def pauseProducing(self) -> None:
        call, self.call = self.call, None
        if call is not None:
            call.cancel()

    stopProducing = pauseProducing

    def send(self) -> None:
        self.call = reactor.callLater(0, self.send)
        self.request.write(PIECE)
        self.left -= len(PIECE)
        if not self.left:
            self.pauseProducing()
            self.request.unregisterProducer()
            self.done.callback(b"")


HANDLERS = (hello, upload, later, raises, errback, inline, coroutine, waits, stream)


# -- the two servers


class Page(Resource):
    """A page of ``twisted.web`` that may take its time."""

    isLeaf = True

    def __init__(self, handler: Callable[[Any], Any]) -> None:
        super().__init__()
        self.handler = handler

    def render(self, request: Any) -> Any:
        working = maybeDeferred(self.handler, request)
        request.notifyFinish().addErrback(lambda _: working.cancel())
        working.addCallback(self.answer, request)
        working.addErrback(self.fail, request)
        return NOT_DONE_YET

    @staticmethod
    def answer(body: bytes, request: Any) -> None:
        request.write(body)
        request.finish()

    @staticmethod
    def fail(failure: Any, request: Any) -> None:
        if failure.check(CancelledError) is None:
            request.processingFailed(failure)


def web() -> Resource:
    """All of it by ``twisted.web``."""
    root = Resource()
    for handler in HANDLERS:
        root.putChild(handler.__name__.encode(), Page(handler))
    return root


def klein() -> Resource:
    """All of it by Klein."""
    app = Klein()
    for handler in HANDLERS:
        app.route(f"/{handler.__name__}", methods=["GET", "POST"])(handler)
    return app.resource()


class Serving(Service):
    """Listens, and tells where."""

    def __init__(self, root: Resource) -> None:
        self.site = Site(root)

    def startService(self) -> None:
        super().startService()
        self.port = reactor.listenTCP(0, self.site, 4096, interface="127.0.0.1")
        with open(int(os.environ["SOAK_TELL"]), "w") as tell:
            tell.write(f"{self.port.getHost().port}\n")

    def stopService(self) -> Any:
        super().stopService()
        return self.port.stopListening()


application = Application("soak")
Serving({"web": web, "klein": klein}[os.environ["SOAK_SERVER"]]()).setServiceParent(application)
