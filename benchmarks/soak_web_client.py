"""The client of ``soak_web.py``: bare sockets that keep their connection, ask, fail and go."""

from __future__ import annotations

import random
import socket
import struct
from collections import Counter
from collections.abc import Callable

__all__ = ("MIX", "Load")

#: What of a thousand requests is of which kind.
MIX = {
    "hello": 620,
    "upload": 100,
    "later": 150,
    "stream": 10,
    # that fail
    "raises": 20,
    "missing": 20,
    "errback": 20,
    "inline": 10,
    "coroutine": 10,
    # whose client goes
    "half a request": 10,
    "half an answer": 10,
    "half closed": 10,
    "reset": 10,
}
#: What answers them begin with.
OK, ERROR, MISSING = b"HTTP/1.1 200", b"HTTP/1.1 500", b"HTTP/1.1 404"
BODY = b"b" * 500
HANG = 60
_NO_LINGER = struct.pack("ii", 1, 0)


def get(path: str) -> bytes:
    return f"GET /{path} HTTP/1.1\r\nHost: soak\r\n\r\n".encode()


def post(path: str) -> bytes:
    head = f"POST /{path} HTTP/1.1\r\nHost: soak\r\nContent-Length: {len(BODY)}\r\n\r\n"
    return head.encode() + BODY


ASKED = {name: get(name) for name in MIX}
ASKED["upload"] = post("upload")
ASKED["half a request"] = post("upload")[:-100]
ASKED["half an answer"] = get("stream")
ASKED["half closed"] = get("later")
ASKED["reset"] = get("waits")

EXPECTED = dict.fromkeys(MIX, OK)
EXPECTED |= dict.fromkeys(("raises", "errback", "inline", "coroutine"), ERROR)
EXPECTED["missing"] = MISSING


class Connection:
    """One connection, opened again whenever it is gone."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket: socket.socket | None = None
        self.leave: dict[str, Callable[[socket.socket], None]] = {
            "half a request": socket.socket.close,
            "half an answer": self.leave_in_answer,
            "half closed": self.half_close,
            "reset": self.reset,
        }

    def ask(self, kind: str) -> None:
        """Send a request."""
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port))
            # Of the kernel: a timeout of Python's asks for one more system call each time.
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                self.socket.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", HANG, 0))
        self.socket.sendall(ASKED[kind])

    def finish(self, kind: str) -> None:
        """Take the answer, or go."""
        leave = self.leave.get(kind)
        if leave is None:
            self.answer(kind)
        else:
            leave(self.socket)
            self.close()

    def answer(self, kind: str) -> None:
        data = self.socket.recv(65536)
        if not data.startswith(EXPECTED[kind]):
            raise SystemExit(f"{kind!r} was answered by {data[:80]!r}")
        head, _, body = data.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if length:
            self.read(int(length) - len(body))
        else:
            while not body.endswith(b"0\r\n\r\n"):
                body += self.read(1, 65536)

    def read(self, least: int, most: int = 0) -> bytes:
        """Read so many bytes."""
        data = b""
        while least > 0:
            data = self.socket.recv(most or least)
            if not data:
                raise SystemExit("an answer ended too early")
            least -= len(data)
        return data

    def leave_in_answer(self, open_: socket.socket) -> None:
        """Take the first piece, so that the rest has begun."""
        open_.recv(4096)

    def half_close(self, open_: socket.socket) -> None:
        """Say that no more comes, and hear what still does: the answer or none, and the end."""
        open_.shutdown(socket.SHUT_WR)
        while open_.recv(4096):
            pass

    def reset(self, open_: socket.socket) -> None:
        """Go without a goodbye."""
        open_.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)

    def close(self) -> None:
        """Go."""
        open_, self.socket = self.socket, None
        if open_ is not None:
            open_.close()


class Load:
    """
    Requests of all kinds, drawn by a seed, on several connections.

    :param port: where the server listens.
    :param connections: how many are asked on at a time, each once.
    :param seed: two loads of one seed ask for the same.
    """

    def __init__(self, port: int, connections: int, seed: int) -> None:
        self._connections = [Connection(port) for _ in range(connections)]
        self._random = random.Random(seed)
        self.asked: Counter[str] = Counter()

    def run(self, requests: int) -> None:
        """Make so many requests; the connections stay."""
        kinds = self._random.choices(list(MIX), list(MIX.values()), k=requests)
        self.asked.update(kinds)
        for start in range(0, requests, len(self._connections)):
            batch = list(zip(self._connections, kinds[start:], strict=False))
            for connection, kind in batch:
                connection.ask(kind)
            for connection, kind in batch:
                connection.finish(kind)

    def close(self) -> None:
        """Go, with all connections."""
        for connection in self._connections:
            connection.close()
