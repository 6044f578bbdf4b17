"""Run the demo until it reports, interrupt it, and see that it closes and says so.

python demo.py COMMAND...
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time

#: The line of the first snapshot: by then it has listened, served and forked.
RUNNING = re.compile(r"\bsnapshot \d+:")
#: The closing report, of a close that left nothing over.
CLOSED = re.compile(r"\bclosed [1-9]\d*, aborted \d+, abandoned 0\b")
#: Twisted has twistd end by the signal; behind a shell that is 128 + its number.
STATUSES = (0, -signal.SIGINT, 128 + signal.SIGINT)
#: Seconds for installing and starting, and for closing. Generous: nothing waits them out.
START, CLOSE = 300.0, 30.0


def read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    """Pass the process's lines on as they come, None at their end."""
    assert process.stdout is not None
    for line in process.stdout:
        sys.stdout.write(line)
        lines.put(line)
    lines.put(None)


def wait_for(pattern: re.Pattern[str], lines: queue.Queue[str | None], seconds: float) -> None:
    """Return at the first line that matches; exit where none comes."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            sys.exit(f"demo: no line like {pattern.pattern!r} within {seconds:.0f} s")
        if line is None:
            sys.exit(f"demo: ended before a line like {pattern.pattern!r}")
        if pattern.search(line):
            return


def main() -> None:
    """Drive the command as somebody at a terminal would."""
    # A shell that runs this in the background has it ignore SIGINT, and so would the command.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        sys.argv[1:],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=read, args=(process, lines), daemon=True).start()
    try:
        wait_for(RUNNING, lines, START)
        os.killpg(process.pid, signal.SIGINT)
        wait_for(CLOSED, lines, CLOSE)
        status = process.wait(CLOSE)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise
    if status not in STATUSES:
        sys.exit(f"demo: ended with status {status}")
    print(f"demo: ran, was interrupted, closed; status {status}")


main()
