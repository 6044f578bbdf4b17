"""The table as ``docs/faults.rst`` shows it; ``python -m tests.real.faults.page`` prints it."""

from __future__ import annotations

from tests.real.faults.table import FAILURES, TABLE, Row

_HEAD = """\
.. list-table::
   :header-rows: 1
   :widths: 30 25 45

   * - fault
     - plain Twisted
     - in care
"""


def plain(row: Row) -> str:
    """What plain Twisted does."""
    told = ", ".join(text for name, text in FAILURES.items() if name in row.plain)
    quiet = row.alone and "connection" not in (row.tcp or "")
    return told or ("ends" if quiet else "cuts the connection")


def fate(text: str) -> str:
    """What becomes of all but ports, which are closed in any case."""
    parts = [part.split() for part in text.split(", ") if part and not part.endswith("port")]
    return ", ".join(f"{what} {how}" for how, what in parts)


def care(row: Row) -> str:
    """What becomes of it in care."""
    fates = {kind: fate(getattr(row, kind)) for kind in row.kinds()}
    if len(set(fates.values())) == 1:
        (said,) = set(fates.values())
    else:
        said = ", ".join(f"{kind.upper()}: {what}" for kind, what in fates.items())
    named = " and ".join(what.partition(" ")[0] for what in row.abandoned)
    if named:
        said += f"{'; ' * bool(said)}{named} abandoned and named"
    if row.remark:
        said += f"{'; ' * bool(said)}{row.remark}"
    return said or "all is closed"


def render() -> str:
    """All tables, a heading each."""
    parts = []
    for theme, rows in TABLE.items():
        lines = [f"   * - {row.title}\n     - {plain(row)}\n     - {care(row)}\n" for row in rows]
        parts.append(f"{theme}\n{'-' * len(theme)}\n\n{_HEAD}{''.join(lines)}")
    return "\n".join(parts)


if __name__ == "__main__":
    print(render(), end="")
