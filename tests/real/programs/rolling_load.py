"""
A client that asks a web server for pages, at a rate, and counts what fails; it never asks twice.

Run with a port and requests a second. Half of the workers open a connection for each request, the
others keep theirs until the server says ``Connection: close``. Says ``["asking"]`` when each has
asked, goes on until SIGTERM, lets each ask once more, and says ``["done", requests, failures]``, the
failures by their kind.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter

WORKERS = 50
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Load:
    """The workers and what they have seen."""

    def __init__(self, port: int, rate: float) -> None:
        self.port = port
        self.interval = WORKERS / rate
        self.failures: Counter[str] = Counter()
        self.asked = 0
        self.ends = False

    async def run(self) -> None:
        """Do all of it."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.end)
        await asyncio.gather(*(self.work(number) for number in range(WORKERS)))
        tell("done", self.asked, self.failures)

    def end(self) -> None:
        """Begin with the last turn."""
        self.ends = True

    async def work(self, number: int) -> None:
        """Ask from time to time."""
        kind = "fresh" if number % 2 else "kept"
        streams, last = None, False
        await asyncio.sleep(self.interval * number / WORKERS)
        while not last:
            last = self.ends
            pause = asyncio.ensure_future(asyncio.sleep(self.interval))
            try:
                streams = streams or await asyncio.open_connection("127.0.0.1", self.port)
                stays = await ask(*streams)
            except (OSError, EOFError) as error:
                self.failures[f"{kind} {type(error).__name__}"] += 1
                stays = False
            self.asked += 1
            if self.asked == WORKERS:
                tell("asking")
            if streams is not None and (kind == "fresh" or last or not stays):
                streams[1].close()
                streams = None
            await pause


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether the connection stays after the answer."""
    writer.write(REQUEST)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200"):
        raise EOFError(head)
    await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
    return b"connection: close" not in head


def tell(*what: object) -> None:
    """A line of JSON."""
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    asyncio.run(Load(int(sys.argv[1]), float(sys.argv[2])).run())
