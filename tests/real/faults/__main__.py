"""
Run faults together in this process, and tell what became of them.

``python -m tests.real.faults MODE KIND GRACE LIMIT REACTOR REPORT FAULT…``, where MODE is ``care``
or ``plain``; LIMIT is the number of seconds after which the program is taken for hung.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from importlib import import_module
from typing import Any


def tell(**event: Any) -> None:
    print(json.dumps(event), flush=True)


class Program:
    """The faults, and a watchdog that tells when the end does not come."""

    def __init__(self, world: Any, names: list[str], limit: float) -> None:
        from tests.real.faults.world import FAULTS

        self.world = world
        self.limit = limit
        self.told = False
        self.faults = [FAULTS[name](world) for name in names]

    def run(self) -> None:
        from twisted.application.app import startApplication
        from twisted.internet.defer import DeferredList, maybeDeferred

        from tests.real.faults.world import descriptors

        reactor = self.world.reactor
        startApplication(self.world.application, False)

        def arm() -> None:
            # Now, for the asyncio reactor does not close its own waker.
            self.world.before = descriptors()
            armed = [maybeDeferred(fault.arm) for fault in self.faults]
            DeferredList(armed, fireOnOneErrback=True).addCallbacks(
                lambda _: self.stop(), lambda failure: tell(broken=str(failure))
            )

        reactor.callWhenRunning(arm)
        reactor.run()
        for fault in self.faults:
            fault.returned()
        self.tell()
        for fault in self.faults:
            fault.last()

    def stop(self) -> None:
        threading.Thread(target=self.watch, daemon=True, name="watchdog").start()
        self.world.stopping.set()
        tell(stopping=True)
        self.faults[-1].stop()

    def watch(self) -> None:
        time.sleep(self.limit)
        tell(hung=True)
        if not self.told:
            self.tell()
        os._exit(0)

    def tell(self) -> None:
        self.told = True
        for fault in self.faults:
            fault.note()
        left = self.world.left()
        for fault in self.faults:
            tell(**fault.result())
        tell(left=left)


def main(mode: str, kind: str, grace: str, limit: str, reactor_name: str, report: str, *names: str):
    from twisted.application.reactors import installReactor
    from twisted.logger import globalLogBeginner, textFileLogObserver

    installReactor(reactor_name)
    from twisted.internet import reactor

    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    from tests.real.faults.world import World

    for module in ("connections", "peers", "producers", "protocols", "services", "work", "stops"):
        import_module(f"tests.real.faults.{module}")
    world = World(reactor, mode == "care", kind, float(grace), report)
    Program(world, list(names), float(limit)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
