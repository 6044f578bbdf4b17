"""Uploads, one batch at a time: told to stop, it finishes its batch and begins no other."""

import sys

from twisted.internet.defer import CancelledError, Deferred, DeferredQueue, race
from twisted.internet.task import deferLater, react

from txresource import ResourceInterrupted, Scope


async def upload(reactor, batch, seconds):
    print("begin", batch, flush=True)
    try:
        await deferLater(reactor, seconds)  # the transfer
    except CancelledError:
        print("undo", batch, flush=True)
        raise
    print("done", batch, flush=True)


async def upload_all(scope, reactor, batches, seconds):
    while scope.state == "open":
        # Idle, it waits for work or for the end; race() cancels the wait that has lost.
        which, batch = await race([batches.get(), scope.closing()])
        if which == 0:
            await upload(reactor, batch, seconds)
    return "nothing is left half done"


async def main(reactor, seconds):
    batches = DeferredQueue()
    async with Scope(reactor, "uploads", grace=1.0) as scope:
        for number in (1, 2):
            scope.call_later(0.1 * number, batches.put, f"batch {number}")
        try:
            print(await scope.start(upload_all, scope, reactor, batches, float(seconds)))
        except ResourceInterrupted as error:
            print("given up:", error)


if __name__ == "__main__":
    react(lambda *argv: Deferred.fromCoroutine(main(*argv)), sys.argv[1:])
