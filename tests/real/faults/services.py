"""Services, ports and triggers that do not end."""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred

from tests.real.faults.connections import Accepted
from tests.real.faults.world import Fault


class Raising(Service):
    def stopService(self) -> Any:
        raise RuntimeError("a service that cannot be stopped")


class Hanging(Service):
    def stopService(self) -> Any:
        return Deferred()


class StopServiceRaises(Fault):
    """``stopService`` raises."""

    def prepare(self) -> None:
        Raising().setServiceParent(self.world.services)


class StopServiceHangs(Fault):
    """The Deferred of ``stopService`` never fires."""

    def prepare(self) -> None:
        Hanging().setServiceParent(self.world.services)


class TriggerHangs(Fault):
    """Somebody's shutdown trigger returns a Deferred that never fires."""

    def arm(self) -> None:
        self.reactor.addSystemEventTrigger("before", "shutdown", Deferred)


class PortService(Service):
    """Stops its port as Twisted's own services do: it waits for ``stopListening``."""

    port: Any = None

    def stopService(self) -> Any:
        return self.port.stopListening()


class StopListeningHangs(Accepted):
    """A port whose ``stopListening`` never fires."""

    def prepare(self) -> None:
        self.service = PortService()
        self.service.setServiceParent(self.world.services)

    def listens(self, port: Any) -> None:
        port.stopListening = Deferred
        self.service.port = port
