"""What faults are made of: the program around them, their peers, and the account at the end."""

from __future__ import annotations

import array
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from twisted.application.service import Application, MultiService
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred

from tests.real.children import close_with_reset
from txresource import CareService, ManagedFactoryMixin, ManagedProtocolMixin, root_scope

FAULTS: dict[str, type[Fault]] = {}


def pattern(size: int) -> bytes:
    """Bytes of which no part comes twice."""
    return array.array("Q", range(size // 8)).tobytes()


def _is_listening(sock: socket.socket) -> bool:
    open_yet = sock.fileno() != -1
    return open_yet and bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def descriptors() -> set[str]:
    """What is open in this process, but for the one that Twisted keeps in reserve."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue  # the descriptor of the listing itself
        if target != os.devnull:
            found.add(f"{name} {target}")
    return found


class World:
    """
    The program in which faults happen, started as twistd starts an application.

    :param care: whether it is in care; else it is plain Twisted.
    :param kind: ``tcp`` or ``tls``.
    """

    def __init__(self, reactor: Any, care: bool, kind: str, grace: float, report: str) -> None:
        self.reactor = reactor
        self.tls = kind == "tls"
        self.services = MultiService()
        self.application = Application("faults")
        self.care: CareService | None = None
        if care:
            self.care = CareService(
                reactor, self.services, grace=grace, interval=0, report=report, what="the faults"
            )
        (self.care or self.services).setServiceParent(self.application)
        self.stopping = threading.Event()
        self.sockets: list[socket.socket] = []
        self.threads: list[threading.Thread] = []
        self.before: set[str] = set()
        # For the peers. In care all is closed, and each of them comes to its end; what has been
        # sent may still be on its way to it.
        self.patience = 30.0 if care else 0.5

    def own(self, thing: Any) -> Any:
        """What a program in care does with what it opens by itself; plain Twisted has no owner."""
        return root_scope(self.reactor).own(thing) if self.care else thing

    def start(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """Begin work: by a scope, or by itself."""
        if self.care:
            return ensureDeferred(root_scope(self.reactor).start(function, *args))
        return maybeDeferred(function, *args)

    def managed(self, kind: type) -> type:
        """A protocol or factory class with its mixin, or without it."""
        if not self.care:
            return kind
        mixin = ManagedFactoryMixin if hasattr(kind, "buildProtocol") else ManagedProtocolMixin
        return type(kind.__name__, (kind, mixin), {"reactor": self.reactor})

    def run_peer(self, peer: Callable[..., None], *args: Any) -> None:
        """Run the other end of something in a thread."""
        thread = threading.Thread(target=peer, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def keep(self, sock: Any) -> Any:
        """Keep a socket that is the other side's, so none of those that may not be left."""
        self.sockets.append(sock)
        return sock

    def hang_up(self, sockets: list[socket.socket]) -> None:
        """Wake the threads that wait for these."""
        for sock in sockets:
            if sock.fileno() != -1:  # else a TLS socket has taken it over
                try:
                    # Not by the method of a TLS socket, which reads raw bytes from then on.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
                except OSError:
                    pass

    def left(self) -> dict[str, Any]:
        """What is still there when the reactor has returned and all peers have gone."""
        self.hang_up([sock for sock in self.sockets if _is_listening(sock)])
        deadline = time.monotonic() + self.patience
        for thread in self.threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self.hang_up(self.sockets)
        for thread in self.threads:
            thread.join(10)
        for sock in self.sockets:
            close_with_reset(sock)
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            children = file.read().split()
        threads = [
            t.name for t in threading.enumerate() if t.name not in ("MainThread", "watchdog")
        ]
        return {
            "descriptors": sorted(descriptors() - self.before),
            "threads": threads,
            "processes": len(children),
        }


class Fault:
    """
    One thing that goes wrong.

    :ivar made: the protocols that were connected; each counts its losses.
    :ivar expected: all that the peer should get; ``None``: nobody looks at it.
    :cvar reads: whether the peer reads, so that it should get all of that; in no case is anything
        to come twice.
    """

    reads = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        FAULTS[cls.__name__] = cls

    def __init__(self, world: World) -> None:
        self.world = world
        self.reactor = world.reactor
        self.made: list[Any] = []
        self.waits: list[str] = []
        self.fired: list[str] = []
        self.expected: bytes | None = None
        self.received = b""
        self.account: dict[str, Any] = {}
        self.prepare()

    def prepare(self) -> None:
        """Do what is done before the reactor runs: add services, say."""

    def arm(self) -> Deferred[Any] | None:
        """Bring the fault about; what is returned fires when it is there."""

    def stop(self) -> None:
        """End the program."""
        os.kill(os.getpid(), signal.SIGTERM)

    def returned(self) -> None:
        """Do what a script does when ``reactor.run()`` has returned."""

    def last(self) -> None:
        """Do what comes last of all, when everything has been told."""

    def wait(self, name: str, deferred: Deferred[Any]) -> None:
        """Note whether a Deferred fires that somebody waits for."""
        self.waits.append(name)
        deferred.addBoth(lambda _: self.fired.append(name))

    def transports(self) -> list[Any]:
        """Whatever may have a socket."""
        return [protocol.at_bottom for protocol in self.made]

    def note(self) -> None:
        """Note what became of it here, before the other sides go as well."""
        self.account = {
            "fault": type(self).__name__,
            "lost": [protocol.losses for protocol in self.made],
            "waits": len(self.waits),
            "fired": len(self.fired),
            "sockets": len({t for t in self.transports() if hasattr(t, "socket")}),
        }

    def result(self) -> dict[str, Any]:
        """What became of it, when its peer has received all."""
        return {
            **self.account,
            "whole": not self.reads or self.expected in (None, self.received),
            "twice": self.expected is not None and not self.expected.startswith(self.received),
        }
