"""docs/cli.rst with what its commands print: ``python -m tests.unit.cli_page`` puts it there."""

from __future__ import annotations

import os
import re
import shlex
import tempfile
import unittest

from tests import sources
from tests.unit.cli_case import CommandTestCase

PAGE = sources.ROOT / "docs/cli.rst"
BLOCK = re.compile(r"^(\.\. code-block:: console\n\n)((?:    .*\n|\n(?=    ))+)", re.MULTILINE)


def commands(text: str) -> list[list[str]]:
    """The command lines that a page shows, each without the name of the program."""
    return [shlex.split(line)[1:] for line in re.findall(r"^    \$ (.*)$", text, re.MULTILINE)]


def render(case: CommandTestCase, text: str) -> str:
    """
    The page with what its commands print, in the folder that they are run in.

    :param case: runs them.
    :param text: the page; what it shows as printed is replaced.
    """

    def printed(block: re.Match[str]) -> str:
        lines = []
        for line in re.findall(r"^    \$ .*$", block[2], re.MULTILINE):
            (command,) = commands(line)
            out = case.run_command(*command).out.splitlines()
            lines += [line, *(f"    {text}".rstrip() for text in out)]
        return "\n".join([block[1] + lines[0], *lines[1:], ""])

    case.write_all()
    return BLOCK.sub(printed, text)


class _Writing(CommandTestCase):
    def runTest(self) -> None:
        """Bring the page up to date."""
        PAGE.write_text(render(self, PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        unittest.TextTestRunner().run(_Writing())
