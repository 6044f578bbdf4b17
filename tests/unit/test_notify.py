"""Messages to whoever set ``NOTIFY_SOCKET``."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from typing import Any
from uuid import uuid4

from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from txresource.notify import Notifier


class NotifierTests(SynchronousTestCase):
    """``Notifier`` and a real socket."""

    def setUp(self) -> None:
        """A place for sockets, and the log."""
        self.directory = tempfile.mkdtemp(dir="/tmp")  # the path of a socket is a short one
        self.addCleanup(shutil.rmtree, self.directory)
        self.said: list[str] = []
        globalLogPublisher.addObserver(self.hear)
        self.addCleanup(globalLogPublisher.removeObserver, self.hear)

    def hear(self, event: Any) -> None:
        """Keep what is said."""
        self.said.append(formatEvent(event))

    def listen(self, name: str) -> socket.socket:
        """A socket at this address; nobody needs to read from it."""
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listening.close)
        listening.bind(name)
        listening.setblocking(False)
        return listening

    def test_a_path(self) -> None:
        """The lines arrive in one message."""
        listening = self.listen(f"{self.directory}/notify")
        Notifier(f"{self.directory}/notify").send("READY=1", "STATUS=well")
        self.assertEqual(listening.recv(4096), b"READY=1\nSTATUS=well")

    def test_an_abstract_socket(self) -> None:
        """``@`` stands for the zero byte in front of a name that is in no directory."""
        name = f"txresource-{uuid4().hex}"
        listening = self.listen(f"\0{name}")
        Notifier(f"@{name}").send("STOPPING=1")
        self.assertEqual(listening.recv(4096), b"STOPPING=1")

    def test_nobody(self) -> None:
        """Where the variable is not set, or empty, nothing is done and nothing said."""
        self.assertNotIn("NOTIFY_SOCKET", os.environ)
        for notifier in (Notifier(), Notifier("")):
            notifier.send("READY=1")
            self.assertEqual(repr(notifier), "<Notifier to nobody>")
        self.assertEqual(self.said, [])

    def test_unreachable(self) -> None:
        """A socket that is not there is one line in the log, however often it is tried."""
        notifier = Notifier(f"{self.directory}/nowhere")
        for _ in range(3):
            notifier.send("READY=1")
        self.assertEqual(len(self.said), 1)
        self.assertIn("nowhere cannot be told: No such file or directory", self.said[0])
        listening = self.listen(f"{self.directory}/nowhere")
        notifier.send("STOPPING=1")  # it may come back
        self.assertEqual(listening.recv(4096), b"STOPPING=1")

    def test_other_addresses(self) -> None:
        """What is neither a path nor abstract, and what is too long, is one line as well."""
        for address in ("vsock:2:1234", "/" + "x" * 200):
            Notifier(address).send("READY=1")
        self.assertEqual(len(self.said), 2)
        self.assertIn("neither a path nor the name of an abstract socket", self.said[0])

    def test_behind_with_reading(self) -> None:
        """A listener whose queue is full holds us up for a moment, and is said."""
        self.listen(f"{self.directory}/notify")
        filling = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(filling.close)
        filling.setblocking(False)
        filling.connect(f"{self.directory}/notify")
        try:
            while True:
                filling.send(b"STATUS=more")
        except BlockingIOError:
            pass
        Notifier(f"{self.directory}/notify", patience=0.01).send("READY=1")
        self.assertEqual(len(self.said), 1)
        self.assertIn("timed out", self.said[0])
