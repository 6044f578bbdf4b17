"""Every way to stop, the limits of the process, and signals that come when they like."""

from __future__ import annotations

import os
import resource
import signal
import socket
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred

from tests.real.children import read_to_end
from tests.real.faults.connections import Accepted
from tests.real.faults.peers import NeverReads
from tests.real.faults.services import Hanging
from tests.real.faults.world import Fault, descriptors


def terminate() -> None:
    """Send this process a SIGTERM."""
    os.kill(os.getpid(), signal.SIGTERM)


class NoDescriptors(Accepted):
    """The limit of descriptors is reached when peers connect."""

    def listens(self, port: Any) -> None:
        self.late = [self.world.keep(socket.socket()) for _ in range(5)]
        self.port = port.getHost().port

    def begin(self, protocol: Any) -> Deferred[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
        while True:
            try:
                self.world.keep(socket.socket())
            except OSError:
                break
        refused: Deferred[None] = Deferred()
        self.world.run_peer(self.connect_late, refused)
        return refused

    def connect_late(self, refused: Deferred[None]) -> None:
        for client in self.late:
            client.settimeout(60)
            client.connect(("127.0.0.1", self.port))
            read_to_end(client)
        self.reactor.callFromThread(refused.callback, None)


class StopFromCallback(Fault):
    """``reactor.stop()`` in a callback."""

    def stop(self) -> None:
        self.reactor.callLater(0, self.reactor.stop)


class StopFromThread(Fault):
    """``reactor.callFromThread(reactor.stop)``."""

    def stop(self) -> None:
        self.world.run_peer(self.reactor.callFromThread, self.reactor.stop)


class Crash(Fault):
    """``reactor.crash()``."""

    def prepare(self) -> None:
        self.world.patience = 0.5  # nobody tells the peers

    def stop(self) -> None:
        self.reactor.crash()


class CrashAndRun(Crash):
    """``reactor.crash()``, then the reactor is run again and stopped."""

    def returned(self) -> None:
        self.reactor.callWhenRunning(self.stop_now)
        self.reactor.run()

    def stop_now(self) -> None:
        # The asyncio reactor makes a waker for each run, and closes none.
        self.world.before |= {name for name in descriptors() if "pipe:" in name}
        self.reactor.stop()


class Signalling(Service):
    def startService(self) -> None:
        super().startService()
        terminate()


class SignalBeforeRun(Fault):
    """SIGTERM while services start, before the reactor runs."""

    def prepare(self) -> None:
        Signalling().setServiceParent(self.world.services)


class SignalAtStartup(Accepted):
    """SIGTERM among the first things that the reactor does."""

    def listens(self, port: Any) -> None:
        terminate()

    def peer(self, port: int) -> None:
        """There is nobody to connect yet."""


class SecondSignal(NeverReads):
    """A second SIGTERM, while a service does not stop and a peer does not read."""

    def prepare(self) -> None:
        if self.hangs():
            Hanging().setServiceParent(self.world.services)

    def hangs(self) -> bool:
        """Whether something keeps the program from ending without it."""
        return True


class SecondAtOnce(SecondSignal):
    """In the same turn as the first."""

    def stop(self) -> None:
        terminate()
        terminate()


class SecondWhileDraining(SecondSignal):
    """A moment later."""

    moment = 0.1

    def stop(self) -> None:
        terminate()
        self.reactor.callLater(self.moment, terminate)


class SecondAfterDeadline(SecondWhileDraining):
    """When only the service is still waited for."""

    moment = 0.8


class SecondWhileAborting(SecondSignal):
    """A third one, while the second has everything aborted."""

    def stop(self) -> None:
        terminate()
        self.reactor.callLater(0.1, terminate)
        self.reactor.callLater(0.101, terminate)


class SecondInPhase(SecondSignal):
    """When the reactor has begun to end."""

    phase = "during"

    def hangs(self) -> bool:
        return False

    def arm(self) -> Any:
        self.reactor.addSystemEventTrigger(self.phase, "shutdown", terminate)
        return super().arm()


class SecondAfter(SecondInPhase):
    """When the reactor has stopped."""

    phase = "after"


class SecondReturned(SecondSignal):
    """When ``reactor.run()`` has returned."""

    def hangs(self) -> bool:
        return False

    def last(self) -> None:
        terminate()
