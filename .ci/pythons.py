"""Print the CPythons of this machine that we support, oldest first, one a line."""

from __future__ import annotations

import glob
import os
import subprocess
import sys

MINORS = (10, 11, 12, 13)

PROBE = """
import os, sys, ensurepip, venv
assert sys.implementation.name == "cpython"
print(sys.version_info[1], os.path.realpath(sys.executable))
"""


def candidates(minor: int) -> list[str]:
    """
    List where a CPython may be: on the path, and beside those on the path.

    Beside them, because version switchers put a shim on the path that works for
    the chosen versions alone.
    """
    name = f"python3.{minor}"
    roots = [os.path.dirname(sys.base_prefix)]
    if "PYENV_ROOT" in os.environ:
        roots.append(os.path.join(os.environ["PYENV_ROOT"], "versions"))
    on_path = [os.path.join(folder, name) for folder in os.get_exec_path()]
    beside = [sorted(glob.glob(os.path.join(root, "*", "bin", name))) for root in roots]
    return on_path + [path for found in beside for path in found]


def probed(path: str, minor: int) -> str | None:
    """Run the candidate; return the interpreter's own path, None if it is of no use."""
    if not os.access(path, os.X_OK):
        return None
    run = subprocess.run([path, "-c", PROBE], capture_output=True, text=True, check=False)
    found, _, executable = run.stdout.strip().partition(" ")
    return executable if run.returncode == 0 and found == str(minor) else None


def main() -> None:
    """Print the first that works of each version; say on stderr which are missing."""
    for minor in MINORS:
        working = filter(None, (probed(path, minor) for path in candidates(minor)))
        executable = next(working, None)
        if executable is None:
            print(f"skipped: no CPython 3.{minor} on this machine", file=sys.stderr)
        else:
            print(executable)


main()
