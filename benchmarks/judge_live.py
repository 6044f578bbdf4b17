"""
What a table of live objects as Scrapy has it would say of a program: which of its classes gather.

``scrapy.utils.trackref`` counts the living objects of the classes that a program has told it of;
here these are all that stand in its file. The table is read after each quarter of the run, and
accused is a class of which there were more each time in the second half.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

#: Objects and bytes by the name of their type.
Table = dict[str, tuple[int, int]]


def accused_classes(quarters: Sequence[Table], program: Path) -> set[str]:
    """
    The classes that are accused.

    :param quarters: what there was after each quarter of the run.
    :param program: the file of the program.
    """
    tree = ast.parse(program.read_text("utf-8"))
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    half, later, last = (
        {name: table.get(name, (0, 0))[0] for name in own} for table in quarters[-3:]
    )
    return {name for name in own if half[name] < later[name] < last[name]}
