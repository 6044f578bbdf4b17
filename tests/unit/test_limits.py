"""``maxConnections``, and ``limit_connections`` for factories that nobody may edit."""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.logger import LogLevel, globalLogPublisher
from twisted.protocols.policies import TimeoutFactory

from tests.unit.test_connections import BareManaged, ConnectionCase, Managed, Plain
from txresource import limit_connections
from txresource.limits import QUIET


class LimitTests(ConnectionCase):
    """Factories with a limit of three."""

    def setUp(self) -> None:
        """Listen to the log."""
        super().setUp()
        self.events: list[Any] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def serve(self, protocol: type, base: type = Factory, **names: Any) -> Any:
        """A factory with a limit, and its port."""
        most = names.pop("most", None)
        factory, port = super().serve(protocol, base, **names)
        self.limit(factory, most)
        return factory, port

    def limit(self, factory: Any, most: Any) -> None:
        """Limit a factory, as it is done for its kind."""
        if isinstance(factory, Managed):
            factory.maxConnections = most
        else:
            self.assertIs(limit_connections(factory, most), factory)

    def lines(self) -> list[tuple[LogLevel, int]]:
        """What was said about limits: the level, and the number in it."""
        return [
            (event["log_level"], event["count"])
            for event in self.events
            if event.get("log_namespace") == "txresource.limits"
        ]

    def test_all_kinds(self) -> None:
        """One too many is aborted, the others are unharmed, and one that ends makes room."""
        for base in (Factory, Managed):
            for protocol in (Plain, BareManaged):
                _, port = self.serve(protocol, base, most=3)
                wires = [port.accept() for _ in range(5)]
                self.assertEqual([wire.asked for wire in wires], [[]] * 3 + [["abort"]] * 2)
                self.clock.advance(0)
                self.assertEqual(self.connections(), ["open"] * 3)
                wires[1].loseConnection()
                self.clock.advance(0)
                self.assertEqual([port.accept().asked for _ in range(2)], [[], ["abort"]])
                self.scope.close()
                self.clock.pump([0, 0])
                self.scope = type(self.scope)(self.clock, "server", grace=4)

    def test_said_once(self) -> None:
        """One line when the limit is reached, one when nobody has been refused for a while."""
        _, port = self.serve(Plain, most=1)
        wire = port.accept()
        for _ in range(4):
            port.accept()
        self.assertEqual(self.lines(), [(LogLevel.warn, 1)])
        wire.loseConnection()
        self.clock.advance(0)
        port.accept()
        port.accept()
        self.assertEqual(self.lines(), [(LogLevel.warn, 1)])
        self.clock.advance(QUIET)
        self.scope.close()
        self.clock.advance(0)
        self.assertEqual(self.lines(), [(LogLevel.warn, 1), (LogLevel.info, 5)])

    def test_set_later(self) -> None:
        """A limit that is set while connections are open counts them; none is cut; it may go again."""
        factory, port = self.serve(Plain)
        wires = [port.accept() for _ in range(3)]
        limit_connections(factory, 2)
        self.assertEqual(port.accept().asked, ["abort"])
        self.assertEqual([wire.asked for wire in wires], [[]] * 3)
        for wire in wires[:2]:
            wire.loseConnection()
        self.clock.advance(0)
        self.assertEqual(port.accept().asked, [])
        limit_connections(factory, None)
        self.assertEqual(port.accept().asked, [])

    def test_wrapped(self) -> None:
        """A limit holds behind a wrapping factory, whichever of the two is owned or has it."""
        for base in (Factory, Managed):
            for outer_limit, inner_limit in ((2, None), (None, 2), (2, 5), (5, 2)):
                for own_outer in (True, False):
                    inner: Any = type(
                        "Inner", (base,), {"protocol": Plain, "reactor": self.clock}
                    )()
                    outer: Any = TimeoutFactory(inner, timeoutPeriod=None)
                    outer.noisy = False
                    self.limit(outer, outer_limit)
                    self.limit(inner, inner_limit)
                    if not own_outer and inner_limit is None:
                        continue  # nobody knows the outer one
                    self.scope.own(outer if own_outer else inner)
                    port = self.clock.listenTCP(0, outer)
                    asked = [port.accept().asked for _ in range(4)]
                    least = 2 if own_outer or inner_limit == 2 else 5
                    self.assertEqual(
                        asked, [[]] * min(least, 4) + [["abort"]] * (4 - min(least, 4))
                    )
                    self.scope.close()
                    self.clock.pump([0, 0])
                    self.assertEqual((len(outer.protocols), outer.numPorts), (0, 1))
                    port.stopListening()
                    self.clock.pump([0, 0])
                    self.scope = type(self.scope)(self.clock, "server", grace=4)

    def test_no_number(self) -> None:
        """A limit that is no number is refused in one sentence."""
        _, port = self.serve(Protocol, most="many")
        error = self.assertRaises(TypeError, port.accept)
        self.assertIn("not 'many'", str(error))
