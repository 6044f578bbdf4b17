"""Add up what trial said in the logs of a folder; fail where too little was run.

python summary.py FOLDER
"""

from __future__ import annotations

import collections
import pathlib
import re
import shutil
import sys

RAN = re.compile(r"^Ran (\d+) tests? in ", re.MULTILINE)
BLOCK = re.compile(r"^\[SKIPPED\]\n(.*?)(?=^={20,}$|^-{20,}$)", re.MULTILINE | re.DOTALL)
#: What trial prints below the reason: the full names of the tests it holds for.
NAME = re.compile(r"tests(?:\.\w+){3,}")
#: The one reason for which a test in tests/real may be skipped, where it is true.
NO_NODE = "node is not on this machine"


def skips(log: str) -> dict[str, list[str]]:
    """Return the names of the tests skipped, by reason."""
    found: dict[str, list[str]] = collections.defaultdict(list)
    for block in BLOCK.findall(log):
        lines = [line.strip() for line in block.splitlines() if line.strip()]
        names = [line for line in lines if NAME.fullmatch(line)]
        found[" ".join(line for line in lines if line not in names)] += names
    return found


def main() -> None:
    """Print a line a run and a line a reason."""
    failures = []
    total = 0
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.log"), key=lambda p: p.stat().st_mtime):
        log = path.read_text(errors="replace")
        runs = [int(count) for count in RAN.findall(log)]
        if not runs:
            continue
        total += sum(runs)
        skipped = skips(log)
        count = sum(map(len, skipped.values()))
        print(f"{sum(runs):6} tests, {count} skipped: {path.stem}")
        if not sum(runs):
            failures.append(f"{path.stem}: no test was run")
        for reason, names in skipped.items():
            print(f"       {len(names)} skipped: {reason}")
            excused = reason == NO_NODE and shutil.which("node") is None
            failures += [
                f"skipped: {name}"
                for name in names
                if name.startswith("tests.real.") and not excused
            ]
    print(f"{total:6} tests in all")
    if not total:
        failures.append("no run of trial was seen")
    if failures:
        sys.exit("\n".join(failures))


main()
