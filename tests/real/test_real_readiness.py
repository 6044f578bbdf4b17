"""What a load balancer is told before it finds the port closed."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.protocol import Factory, Protocol

from tests.real.closer_case import CloserCase


class ReadinessTests(CloserCase):
    """``scope.closing()`` beside a port that listens."""

    @inlineCallbacks
    def test_says_no_before_the_port_stops(self) -> Any:
        """Who asks whether the program is ready says no while its port still takes connections."""
        # Of another owner, and owned first: neither the order nor the place in the tree matters.
        port = self.scope.own(
            reactor.listenTCP(0, Factory.forProtocol(Protocol), interface="127.0.0.1")
        )
        address = ("127.0.0.1", port.getHost().port)
        health = self.scope.child("health")
        answers = ["ready"]

        def say_no(_: object) -> None:
            answers.append("not ready")
            socket.create_connection(address).close()  # by the kernel: the port listens still
            answers.append("connected")

        health.closing().addCallback(say_no)
        yield self.close_in_time()
        self.assertEqual(answers, ["ready", "not ready", "connected"])
        self.assertRaises(ConnectionRefusedError, socket.create_connection, address)
