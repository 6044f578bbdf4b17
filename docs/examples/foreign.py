"""Three ways to say how a thing is closed that txresource has never heard of."""

import sqlite3
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from txresource import ICloseable, Scope, register_closer
from txresource.registry import BaseCloser


class DatabaseCloser(BaseCloser):
    kind = "database"

    def close(self, node):
        node.thing.commit()
        node.thing.close()


# By its full name, so that whoever has no database need not import it.
register_closer("sqlite3.Connection", DatabaseCloser())


@implementer(ICloseable)
class Spool:
    """Lines in memory, written to a file by a thread."""

    def __init__(self, path):
        self.path = path
        self.lines = []

    async def close(self):
        await deferToThread(self.path.write_text, "".join(self.lines))

    def abort(self):
        self.lines.clear()


async def main(reactor, folder):
    async with Scope(reactor, "import", grace=2.0) as scope:
        scratch = TemporaryDirectory(dir=folder)
        scope.own(scratch, close=scratch.cleanup)
        database = scope.own(sqlite3.connect(Path(folder, "rows.db")))
        spool = scope.own(Spool(Path(folder, "spool")))

        def save():
            database.execute("insert into rows values ('a row')")
            spool.lines.append("a row\n")
            print("a row more", flush=True)

        database.execute("create table if not exists rows (text)")
        scope.looping_call(save, 0.1)
        await scope.closing()


if __name__ == "__main__":
    react(lambda *argv: Deferred.fromCoroutine(main(*argv)), sys.argv[1:])
