"""The commands: how they are told apart, and how they end."""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import IO, Any, NoReturn

from txresource.cli import diff, growth, report, why
from txresource.cli.desk import TROUBLE, Answer, Desk, Trouble
from txresource.cli.page import Page, harmless, wants_colours
from txresource.leaks.report import tool_name

__all__ = ("SCHEMA", "main", "run")

#: The version of what ``--json`` prints: keys are added, never renamed or dropped.
SCHEMA = 1

#: What a shell says of a program that SIGPIPE, or SIGINT, has ended.
_NO_READER = 128 + 13
_INTERRUPTED = 128 + 2

_COMMANDS = (report, why, diff, growth)
_STATUSES = """\
exit status:
  0  nothing was found (why: the finding was)
  1  something was found (why: it was not)
  2  a file could not be read, or the command line not understood
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="txresource",
        description="Read the reports and snapshot files of a program in care, away from it.",
        epilog=_STATUSES + "\nmore: txresource COMMAND --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=tool_name())
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in _COMMANDS:
        command = commands.add_parser(
            module.NAME,
            help=module.PURPOSE,
            description=f"{module.PURPOSE[0].upper()}{module.PURPOSE[1:]}.",
            epilog=module.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_arguments(command)
        command.add_argument("--json", action="store_true", help="print JSON, for machines")
        command.set_defaults(name=module.NAME, command=module.look)
    return parser


def main(argv: Sequence[str], out: IO[str], err: IO[str]) -> int:
    """
    Run one command.

    :param argv: the arguments, without the name of the program.
    :param out: where the answer goes.
    :param err: where troubles go, and the progress bar.
    :returns: the exit status.
    """
    try:
        with redirect_stdout(out), redirect_stderr(err):
            arguments = _parser().parse_args(argv)
    except SystemExit as end:
        return int(end.code or 0)
    desk = Desk(err)
    try:
        answer = _look(arguments, desk)
        _hand_out(arguments, desk, answer, out)
        out.flush()
    except BrokenPipeError:  # as in "| head": who reads has seen enough
        return _NO_READER
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:
        err.write(f"txresource: the answer cannot be written: {error.strerror}\n")
        return TROUBLE
    return TROUBLE if answer is None or desk.troubles else answer.status


def _look(arguments: argparse.Namespace, desk: Desk) -> Answer | None:
    try:
        answer: Answer = arguments.command(arguments, desk)
    except Trouble as trouble:
        desk.note(trouble)
        return None
    return answer


def _hand_out(
    arguments: argparse.Namespace, desk: Desk, answer: Answer | None, out: IO[str]
) -> None:
    if arguments.json:
        json.dump(_document(arguments.name, desk, answer), out, indent=1)
        out.write("\n")
    elif answer is not None:
        answer.write(Page(out, colours=wants_colours(out)))


def _document(name: str, desk: Desk, answer: Answer | None) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "command": name,
        "problems": [
            {"name": harmless(trouble.name), "problem": harmless(trouble.problem)}
            for trouble in desk.troubles
        ],
        **({} if answer is None else answer.document()),
    }


def run() -> NoReturn:
    """Be the program ``txresource``: the streams and the exit status are those of the process."""
    gc.disable()  # what is read is a million small objects, without a cycle, and soon at its end
    with open(os.devnull, "w") as nowhere:  # for a stream that was closed before we began
        out, err = sys.stdout or nowhere, sys.stderr or nowhere
        for stream in (out, err):
            # What a terminal cannot show it shows escaped.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        status = main(sys.argv[1:], out, err)
        try:
            out.flush()
        except OSError:
            # Else Python tries once more when it ends, and complains.
            os.dup2(nowhere.fileno(), out.fileno())
    sys.exit(status)
