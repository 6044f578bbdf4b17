"""
A web server that can be replaced, in one of several ways.

Run with the way, and the descriptor of a listening socket or, for SO_REUSEPORT, a port. Every page
takes a while. Says ``["ready"]`` when it serves.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.task import deferLater
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from txresource import CareService

reactor: Any = installed
#: Seconds that a page takes.
THINKING = 0.02


class Page(Resource):
    """A page that takes a while."""

    isLeaf = True

    def render_GET(self, request: Any) -> int:
        """Answer later."""

        def answer(_: None) -> None:
            if not request._disconnected:
                request.setHeader(b"content-length", b"6")
                request.write(b"hello\n")
                request.finish()

        deferLater(reactor, THINKING).addCallback(answer)
        return NOT_DONE_YET


def listener(way: str, number: int) -> int:
    """The descriptor of the socket to listen at."""
    if "SO_REUSEPORT" not in way:
        return number
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    own.bind(("127.0.0.1", number))
    own.listen(1024)
    own.setblocking(False)
    return own.detach()


def main(way: str, number: int) -> None:
    """Serve until SIGTERM."""
    if "in care" in way:
        linger = 0.0 if "no linger" in way else 1.0
        CareService(reactor, grace=5.0, linger=linger, interval=0).startService()
    descriptor = listener(way, number)
    reactor.adoptStreamPort(descriptor, socket.AF_INET, Site(Page()))
    os.close(descriptor)
    reactor.callWhenRunning(print, json.dumps(["ready"]), flush=True)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
