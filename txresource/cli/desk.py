"""What a command works with, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, TypeVar

from txresource.cli.page import Page, harmless, is_terminal

__all__ = ("Answer", "Desk", "FOUND", "NOTHING", "TROUBLE", "Trouble")

_Thing = TypeVar("_Thing")

#: The exit statuses, which each command explains: as of ``diff``, and of ``grep`` for ``why``.
NOTHING = 0
FOUND = 1
TROUBLE = 2


class Trouble(Exception):
    """
    Something that was named cannot be used.

    :param name: the file, or what else was named.
    :param problem: one sentence about it that has its name in it.
    """

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(problem)
        self.name = name
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What a command has found.

    :ivar status: the exit status where there was no trouble.
    :ivar document: makes the same as plain data, for ``--json``.
    :ivar write: writes the same as text.
    """

    status: int
    document: Callable[[], dict[str, Any]]
    write: Callable[[Page], None]


@dataclass(frozen=True, slots=True)
class Desk:
    """
    What a command has beside its arguments.

    :ivar err: where troubles and the progress bar go.
    :ivar delay: seconds after which the bar is shown.
    :ivar troubles: what went wrong without ending the command.
    """

    err: IO[str]
    delay: float = 1.0
    troubles: list[Trouble] = field(default_factory=list)

    def note(self, trouble: Trouble) -> None:
        """Tell of something that cannot be used, once, and go on without it."""
        if trouble.problem in (known.problem for known in self.troubles):
            return
        self.troubles.append(trouble)
        self.err.write(f"txresource: {harmless(trouble.problem)}\n")

    def each(self, things: Sequence[_Thing], unit: str) -> Iterator[_Thing]:
        """
        Go through some things; on a terminal a bar shows how far, past the delay.

        :param unit: what they are, in the plural.
        """
        if not is_terminal(self.err):
            yield from things
            return
        # Not before it is wanted: it takes longer to import than a report to read.
        from tqdm import tqdm

        yield from tqdm(things, unit=f" {unit}", file=self.err, delay=self.delay, leave=False)
