"""Keeps a listening socket, and replaces the server on it when it gets SIGHUP."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

SERVER = Path(__file__).with_name("rolling_server.py")
SIGNALS = {signal.SIGHUP, signal.SIGTERM, signal.SIGINT}


def start(listener):
    """Start a server, and wait until it is ready."""
    server = subprocess.Popen(
        [sys.executable, SERVER, str(listener.fileno())],
        pass_fds=[listener.fileno()],
        stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS),
    )
    if server.stdout.readline() != b"ready\n":
        raise RuntimeError("the new server does not start")
    return server


def stop(server):
    """Let a server drain, and wait for its end."""
    server.terminate()
    server.wait()


def main():
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)
    server = start(listener)
    print("serving on", listener.getsockname()[1], flush=True)
    while signal.sigwait(SIGNALS) == signal.SIGHUP:
        heir = start(listener)  # first the heir, which shares the socket, then the end of the old
        stop(server)
        server = heir
        print("replaced", flush=True)
    stop(server)


if __name__ == "__main__":
    main()
