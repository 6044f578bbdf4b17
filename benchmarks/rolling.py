"""
A server that is replaced while it is asked: how many requests fail.

Run ``python benchmarks/rolling.py [replacements] [requests a second]``. A client in a process of
its own asks at that rate, half of it on connections that stay, half on fresh ones, and asks never
twice. Meanwhile the server is replaced again and again: the next one is started, then the one
before gets SIGTERM. Handed over, all have one listening socket between them, and one backlog;
under SO_REUSEPORT each has its own, and what is still in the backlog of one that closes is reset:
a server in care takes it in before, but for what comes between that look and the close. Exits with
1 when a request to a server in care with a handed-over socket fails.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from typing import Any

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir)
PROGRAMS = os.path.join(ROOT, "tests", "real", "programs")
#: Seconds that a server has before the next one comes.
EACH = 2.0
WAYS = (
    "handed over, in care",
    "handed over, in care, no linger",
    "handed over, plain Twisted",
    "SO_REUSEPORT, in care",
    "SO_REUSEPORT, plain Twisted",
)


def run(program: str, *arguments: Any, **how: Any) -> subprocess.Popen[str]:
    """Start a program of the tests."""
    command = [sys.executable, os.path.join(PROGRAMS, program), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([ROOT, *sys.path[1:]])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, **how)


def heard(process: subprocess.Popen[str], what: str) -> list[Any]:
    """Wait for the line that says this."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(f'["{what}"'):
            answer: list[Any] = json.loads(line)
            return answer
    raise SystemExit(f"a program ended before it said {what}")


def serve(way: str, listener: socket.socket) -> subprocess.Popen[str]:
    """Start a server of this kind, and wait until it is ready."""
    if "SO_REUSEPORT" in way:
        server = run("rolling_server.py", way, listener.getsockname()[1])
    else:
        number = listener.fileno()
        server = run("rolling_server.py", way, number, pass_fds=[number])
    heard(server, "ready")
    return server


def failures(way: str, replacements: int, rate: float) -> tuple[int, float, dict[str, int]]:
    """Requests, their seconds, and those that failed by kind."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int("SO_REUSEPORT" in way))
    listener.bind(("127.0.0.1", 0))
    if "SO_REUSEPORT" not in way:
        listener.listen(1024)  # else it only keeps the number
        listener.setblocking(False)
    server = serve(way, listener)
    old = []
    load = run("rolling_load.py", listener.getsockname()[1], rate)
    heard(load, "asking")
    begun = time.monotonic()
    for _ in range(replacements):
        time.sleep(EACH)
        old.append(server)
        server = serve(way, listener)
        old[-1].terminate()
    time.sleep(EACH)
    load.terminate()
    _, requests, found = heard(load, "done")
    seconds = time.monotonic() - begun
    old.append(server)
    server.terminate()
    for each in [*old, load]:
        each.wait()
    return requests, seconds, found


def main(replacements: int = 5, rate: float = 500.0) -> int:
    """Print the table."""
    print(f"{replacements} replacements, {rate:g} requests a second")
    kept = True
    for way in WAYS:
        requests, seconds, found = failures(way, replacements, rate)
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(found.items()))
        count = f"{sum(found.values()):5d} of {requests} failed, {requests / seconds:.0f} a second"
        print(f"  {way:32s} {count}  {kinds}", flush=True)
        kept = kept and (way != WAYS[0] or not found)
    print(f"  none fails where it is handed over in care: {'kept' if kept else 'MISSED'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
