"""The second part of ``shutdown.py``: its clients, and the account of what became of them."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import ssl
import subprocess
import sys
import time
from typing import Any

from shutdown_server import ANSWER, GRACE

STUCK = (
    "never reads",
    "silent over TLS",
    "half-closed",
    "paused",
    "unread body",
    "streaming producer",
    "pull producer",
)
WAYS = ("abortConnection() loop", "plain Twisted", "both mixins")
ANSWERS = 200


def mixed(connections: int) -> bool:
    """Print the table; whether all answers arrived whole and every end was heard, with ours."""
    stuck = connections // 20
    print(
        f"mixed: {connections} connections, {stuck} of them stuck, {ANSWERS} with an answer under way;"
        f" grace {GRACE:g} s"
    )
    print(f"  {'':24s} {'seconds':>8s} {'ends heard':>11s} {'answers whole':>14s}")
    good = False
    for way in WAYS:
        seconds, lost, whole = ended(way, connections, stuck)
        print(f"  {way:24s} {seconds:8.2f} {lost:11d} {whole:14d}")
        good = (lost, whole) == (connections, ANSWERS) and seconds <= GRACE + 2
    print(f"  every end, every answer, within grace + 2 s: {'kept' if good else 'MISSED'}")
    return good


def ended(way: str, connections: int, stuck: int) -> tuple[float, int, int]:
    """Let a server end in this way: seconds, ends of connections, whole answers."""
    program = os.path.join(os.path.dirname(__file__), "shutdown_server.py")
    server = subprocess.Popen([sys.executable, program, way], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    plain, tls = json.loads(server.stdout.readline())
    clients = [connected(STUCK[number % len(STUCK)], plain, tls) for number in range(stuck)] + [
        connected("idle", plain, tls) for _ in range(connections - stuck - ANSWERS)
    ]
    answers = [opened(plain, "answer") for _ in range(ANSWERS)]
    for client in answers:
        acknowledged(client)
    begun = time.monotonic()
    server.send_signal(signal.SIGTERM)
    whole = read_all(answers)
    lost = json.loads(server.stdout.readline())
    server.wait()
    seconds = time.monotonic() - begun
    for client in clients + answers:
        client.close()
    return seconds, lost, whole


def connected(state: str, plain: int, tls: int) -> socket.socket:
    """A client of a connection in this state."""
    client = opened(tls if state == "silent over TLS" else plain, state)
    if state == "unread body":
        acknowledged(client)
        client.sendall(b"x" * 50_000)
        return client
    acknowledged(client)
    if state == "half-closed":
        client.shutdown(socket.SHUT_WR)
    return client


def opened(port: int, state: str) -> Any:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    if state == "silent over TLS":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client = context.wrap_socket(client)
    client.sendall(state.encode() + b"\n")
    return client


def acknowledged(client: socket.socket) -> None:
    assert client.recv(3) == b"ok\n"


def read_all(clients: list[socket.socket]) -> int:
    """Read to the end of each; how many got their answer whole."""
    received = dict.fromkeys(clients, 0)
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                client: Any = key.fileobj
                try:
                    size = len(client.recv(65536))
                except ConnectionResetError:
                    size = 0
                received[client] += size
                if not size:
                    selector.unregister(client)
    return sum(size == len(ANSWER) for size in received.values())
