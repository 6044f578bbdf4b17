"""CPU seconds of the child of a snapshot: all that it does.

Usage: python benchmarks/heap_pass.py [MILLIONS ...]

For each size a process of its own fills its heap with records, each an object
with its text and its list, until the collector tracks so many objects, and
lets a forked child look at it. Printed are the CPU seconds of the child, the
same a million tracked objects, its paths, and what they take in a file.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any

from records import fill

from txresource.heap.child import Send
from txresource.heap.fork import fork_child
from txresource.heap.stages import StageDecoder
from txresource.leaks.frozen import decode_heap
from txresource.leaks.look import Errand, look

BUDGET = 4.0
MIB = 2**20


def job(send: Send, frames: Sequence[FrameType]) -> None:
    """Do all that the child of a snapshot does."""
    look(Errand(None, time.time(), 0, None, os.getpid(), b""), send, frames)


def stages_of(fd: int) -> dict[str, Any]:
    """All that a child sends until it ends."""
    os.set_blocking(fd, True)
    decoder, stages = StageDecoder(), {}
    while data := os.read(fd, MIB):
        stages.update(decoder.feed(data))
    return stages


def measure(millions: float) -> None:
    """Fill the heap, look at it, and print a line."""
    kept = fill(int(millions * 1e6))
    objects = len(gc.get_objects())
    child = fork_child(job)
    stages = stages_of(child.fd)
    os.waitpid(child.pid, 0)
    packed = stages["snapshot"]
    cpu, memory = stages["end"]["cpu"], stages["end"]["memory"] or 0
    print(
        f"{objects / 1e6:.2f} M objects, {len(kept)} records: {cpu:.2f} s of CPU,"
        f" {cpu / objects * 1e6:.2f} s a million (budget {BUDGET:.0f}),"
        f" {memory // MIB} MiB of its own, {len(decode_heap(packed).rows)} paths,"
        f" {len(packed) // 1024} KiB packed",
        flush=True,
    )


def main() -> None:
    """Measure each size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("millions", nargs="*", type=float, default=[0.1, 1.0])
    parser.add_argument("--one", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        measure(options.one)
        return
    for millions in options.millions:
        subprocess.run([sys.executable, __file__, "--one", str(millions)], check=True)


if __name__ == "__main__":
    main()
