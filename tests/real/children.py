"""Server programs in child processes, and rude clients for them."""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

#: Seconds after which a child that says nothing is taken for hung; never reached when all is well.
HANG = 60.0
PROGRAMS = Path(__file__).parent / "programs"
ROOT = Path(__file__).parents[2]

_TWISTD = "from twisted.scripts.twistd import run; run()"
_TWIST = "from twisted.application.twist._twist import Twist; Twist.main()"


def reactor_name() -> str:
    """The name of the reactor on which the tests run, for programs that are to use it as well."""
    from twisted.internet import reactor

    names = {
        "EPollReactor": "epoll",
        "PollReactor": "poll",
        "SelectReactor": "select",
        "AsyncioSelectorReactor": "asyncio",
    }
    return names.get(type(reactor).__name__, "default")


def twistd_command(*arguments: str) -> list[str]:
    """The command that runs twistd in the foreground, in this interpreter."""
    return [sys.executable, "-c", _TWISTD, "-n", "--pidfile=", *arguments]


def twist_command(*arguments: str) -> list[str]:
    """The command that runs twist in this interpreter."""
    return [sys.executable, "-c", _TWIST, *arguments]


#: Waits for a word; where none comes before the end of who could say it, ends a group of processes.
_GUARD = 'read -r word || kill -s KILL -- "-$1"'


def _hear_interrupts() -> None:
    # A shell that runs the tests in the background has them ignore SIGINT, and their children too.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Program:
    """
    A child process whose output is read line by line; killed when the test ends, or whoever runs it,
    in whatever way.

    :param inherit: descriptors that it gets.
    """

    def __init__(
        self, command: list[str], cwd: str, *, inherit: tuple[int, ...] = (), **environment: str
    ) -> None:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            pass_fds=inherit,
            preexec_fn=_hear_interrupts,
        )
        self.pid = self._process.pid
        # Out of reach of all that may end us, and of what ends the program.
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "guard", str(self.pid)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.output: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def wait_line(self, pattern: str, times: int = 1) -> re.Match[str]:
        """Wait for the n-th line of output, counted from the start, that matches."""
        deadline = time.monotonic() + HANG
        looked_at = 0
        while True:
            for line in self.output[looked_at:]:
                found = re.search(pattern, line)
                times -= found is not None
                if found is not None and times == 0:
                    return found
            looked_at = len(self.output)
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no line like {pattern!r} in:\n{self.text()}") from None
            if line is None:
                self._lines.put(None)
                raise AssertionError(f"ended before a line like {pattern!r}:\n{self.text()}")
            self.output.append(line)

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end; the exit status, negative for a signal."""
        try:
            status = self._process.wait(HANG)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {HANG} s:\n{self.text()}") from None
        self._reader.join()
        while (line := self._lines.get()) is not None:
            self.output.append(line)
        self._lines.put(None)
        return status

    def close(self) -> None:
        """Kill it, and what it started, if it runs still."""
        if self._process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        if self._guard.poll() is None:
            self._guard.communicate(b"over\n")
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def group_is_empty(self) -> bool:
        """Whether no process that it started is left, in its session at least."""
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def text(self) -> str:
        """All output that has been looked at."""
        return "\n".join(self.output)

    def events(self) -> list[list[Any]]:
        """What the program told: its lines that are JSON lists."""
        found = (re.search(r"\[\"[a-z].*\]$", line) for line in self.output)
        return [json.loads(match[0]) for match in found if match is not None]


class ProgramTestCase(SynchronousTestCase):
    """A test case with a directory of its own, that every user may write to, and programs in it."""

    def setUp(self) -> None:
        # Not below trial's own, into which other users cannot look.
        self.directory = tempfile.mkdtemp(dir="/tmp")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        os.chmod(self.directory, 0o777)

    def run_program(self, command: list[str], **environment: str) -> Program:
        """Start a program; it is killed when the test ends."""
        program = Program(command, self.directory, **environment)
        self.addCleanup(program.close)
        return program

    def path(self, name: str) -> str:
        """The path of a file in the directory."""
        return os.path.join(self.directory, name)

    def listen(self, address: str | None = None) -> Listening:
        """
        Hear what programs tell systemd.

        :param address: ``None``: a path in the directory.
        """
        listening = Listening(address or self.path("notify"))
        self.addCleanup(listening.close)
        return listening

    def report(self) -> dict[str, Any]:
        """What the program reported."""
        with open(self.path("report.json")) as file:
            report: dict[str, Any] = json.load(file)
        return report


def connect(port: int, receive_buffer: int | None = None) -> socket.socket:
    """Connect to a port on loopback."""
    client = socket.socket()
    client.settimeout(HANG)
    if receive_buffer is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        client.connect(("127.0.0.1", port))
    except OSError:
        client.close()
        raise
    return client


def read_to_end(client: socket.socket) -> bytes:
    """All that the peer sends, to its end or its reset."""
    received = []
    try:
        while data := client.recv(65536):
            received.append(data)
    except ConnectionResetError:
        pass
    return b"".join(received)


def close_with_reset(client: socket.socket) -> None:
    """Close so that nothing lingers."""
    if client.fileno() != -1:  # else a TLS socket has taken it over
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


class Listening:
    """
    A socket that hears what programs tell systemd.

    :ivar address: what ``NOTIFY_SOCKET`` is to say.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(HANG)
        self._socket.bind(address.replace("@", "\0", 1))
        if address.startswith("/"):
            os.chmod(address, 0o777)  # as systemd has it: the program may be another user's
        self.heard: list[str] = []

    def wait_line(self, pattern: str, times: int = 1) -> re.Match[str]:
        """Wait for the n-th line, counted from the start, that matches."""
        looked_at = 0
        while True:
            for line in self.heard[looked_at:]:
                found = re.search(pattern, line)
                times -= found is not None
                if found is not None and times == 0:
                    return found
            looked_at = len(self.heard)
            try:
                self.heard += self._socket.recv(65536).decode().split("\n")
            except TimeoutError:
                raise AssertionError(f"no line like {pattern!r} in {self.heard}") from None

    def drain(self) -> list[str]:
        """All that has come."""
        self._socket.setblocking(False)
        try:
            while True:
                self.heard += self._socket.recv(65536).decode().split("\n")
        except BlockingIOError:
            self._socket.settimeout(HANG)
        return self.heard

    def close(self) -> None:
        """Hear nothing more."""
        self._socket.close()
