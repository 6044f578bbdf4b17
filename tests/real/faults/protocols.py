"""Protocols that do what they should not."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.real.faults.connections import Accepted, Made, Told, ToldFactory
from tests.real.faults.world import pattern

BYE = pattern(80)


class Chatty(Told):
    """Writes for ever, whatever becomes of its connection."""

    def chat(self) -> None:
        fault = self.fault
        self.transport.write(fault.all[fault.sent : fault.sent + 8])
        fault.sent += 8
        fault.reactor.callLater(0.01, self.chat)


class WriteAfterLose(Accepted):
    """A protocol that writes on when its connection has been told to close."""

    protocol = Chatty
    reads = False  # to the end: there is none

    def begin(self, protocol: Any) -> None:
        self.all, self.sent = pattern(1_000_000), 0
        protocol.chat()

    def result(self) -> Any:
        self.expected = self.all
        return super().result()


class LostRaises(Told):
    def connectionLost(self, reason: Any = None) -> None:
        super().connectionLost(reason)
        raise RuntimeError("a protocol that cannot be told")


class ConnectionLostRaises(Accepted):
    """A protocol that raises when it is told of the end."""

    protocol = LostRaises


class Draining(Told):
    """Says goodbye, and goes wrong."""

    def draining(self) -> Any:
        self.transport.write(BYE)
        return self.fault.after_goodbye()


class DrainingFault(Accepted):
    """A protocol that has a goodbye to say."""

    protocol = Draining

    def protocol_class(self) -> type:
        return self.world.managed(self.protocol)

    def begin(self, protocol: Any) -> None:
        self.expected = BYE

    def after_goodbye(self) -> Any:
        return None


class DrainingRaises(DrainingFault):
    """``draining`` raises."""

    def after_goodbye(self) -> Any:
        raise RuntimeError("a goodbye that fails")


class DrainingHangs(DrainingFault):
    """``draining`` returns a Deferred that never fires."""

    def after_goodbye(self) -> Any:
        return Deferred()


class Busy(Draining):
    def busy(self) -> bool:
        return True


class BusyForEver(DrainingFault):
    """``busy`` never says that it is done."""

    protocol = Busy


class Returning(Told):
    """Connects anew when it has lost its connection."""

    def connectionLost(self, reason: Any = None) -> None:
        super().connectionLost(reason)
        self.fault.open()


class ReconnectsInConnectionLost(Made):
    """A protocol that connects anew in ``connectionLost``."""

    protocol = Returning


class ReturningFactory(ToldFactory):
    """Connects anew when a connection is lost."""

    def clientConnectionLost(self, connector: Any, reason: Any) -> None:
        connector.connect()


class FactoryReconnects(Made):
    """A factory that connects anew in ``clientConnectionLost``."""

    factory = ReturningFactory


class MadeDuringShutdown(Made):
    """A connection that is made while the program ends."""

    def arm(self) -> None:
        self.armed = Deferred()
        self.address = self.listen().getsockname()
        self.reactor.addSystemEventTrigger("before", "shutdown", self.late)

    def late(self) -> Deferred[None]:
        """Connect, and hold the shutdown until the connection is there."""
        self.open()
        over: Deferred[None] = Deferred()
        self.reactor.callLater(0.2, over.callback, None)
        return over
