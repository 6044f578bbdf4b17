"""
Runs test modules apart: each in a process of its own, several beside each other.

A snapshot of a process that has run a thousand tests takes ten times as long as one of a fresh
process, and most of a test of snapshots is waiting for them; others wait for timers and for programs
of their own. A module that is to be run so says ``testSuite = apart(__name__)``; its classes and
tests can still be run by name, in any process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from unittest import TestSuite

from twisted.trial.runner import TestLoader

from tests.real.children import ROOT, reactor_name

#: Set in the processes that run them.
_INSIDE = "TXRESOURCE_TESTS_APART"
#: More than most machines have cores: some of them only wait.
_AT_ONCE = 4
#: Those that take longest are begun first, so that none of them is left to run alone at the end.
_LONG = ("zoo", "care", "heap_programs", "examples", "leaks")
_HANG = 600.0
_loaded: list[str] = []
_runs: dict[str, Future[tuple[int, str]]] = {}


def apart(name: str) -> Callable[[], TestSuite]:
    """What loads the tests of a module: in another process one test that stands for all of them.

    :param name: the module's.
    """

    def load() -> TestSuite:
        loader = TestLoader()
        if os.environ.get(_INSIDE):
            classes = loader.findTestClasses(sys.modules[name])
            return TestSuite(map(loader.loadClass, classes))
        short = name.rpartition(".test_real_")[2]
        _loaded.append(short)
        return TestSuite([loader.loadByName(f"tests.real.test_real_apart.ApartTests.test_{short}")])

    return load


def outcome(short: str) -> tuple[int, str]:
    """The exit status of a module's tests, and what they wrote.

    The first to be asked for begins all that were loaded, and waits for them: nothing else is to
    run beside them.

    :param short: the module's name, without ``test_real_``.
    """
    if short not in _runs:
        rest = {short, *_loaded} - _runs.keys()
        wanted = sorted(rest, key=lambda each: (each not in _LONG, each))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            _runs.update({each: pool.submit(_run, each, reactor_name()) for each in wanted})
    return _runs[short].result()


def _run(short: str, reactor: str) -> tuple[int, str]:
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        command = [sys.executable, "-m", "twisted.trial", f"--temp-directory={directory}/trial"]
        run = subprocess.run(
            [*command, f"--reactor={reactor}", f"tests.real.test_real_{short}"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), _INSIDE: "yes"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_HANG,
            check=False,
        )
    return run.returncode, run.stdout
