"""The first rounds each need something that was not there yet: a module, a table, a compiled pattern."""

import importlib
import re

from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from tests.zoo.traffic import make_application, serve, talk

NEEDED = (
    "xml.dom.minidom",
    "csv",
    "decimal",
    "fractions",
    "html.parser",
    "statistics",
    "sqlite3",
    "email.mime.multipart",
    "plistlib",
    "wave",
    "mailbox",
    "optparse",
    "pdb",
    "imaplib",
)


class Worker(LineOnlyReceiver):
    delimiter = b"\n"
    tables = {}

    def lineReceived(self, line):
        number = int(line) % len(NEEDED)
        importlib.import_module(NEEDED[number])
        if number not in self.tables:
            self.tables[number] = {n: str(n * number) for n in range(200)}
        re.compile(f"{number}[0-9]+-{number}")
        self.sendLine(self.tables[number][7].encode())


async def open_server():
    global address
    address = await serve(Factory.forProtocol(Worker))


async def play(number):
    await talk(address, b"%d\n" % number)


application = make_application(open_server, play)
