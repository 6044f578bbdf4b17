"""What objects that hold native memory take of a process."""

from __future__ import annotations

import json
import os
import sys

from twisted.internet import reactor
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase

from tests.real.children import PROGRAMS, ROOT
from txresource.leaks.native import NATIVE


class NativeTests(TestCase):
    """The table of sizes."""

    timeout = 120

    async def test_sizes(self) -> None:
        """Each object of the table takes of the process what the table says, or near to it."""
        out, err, status = await getProcessOutputAndValue(
            sys.executable,
            [str(PROGRAMS / "native_sizes.py"), json.dumps(dict(NATIVE))],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            reactor=reactor,
        )
        self.assertEqual(status, 0, err.decode())
        measured = json.loads(out)
        self.assertEqual(set(measured), set(NATIVE))
        for kind, size in NATIVE.items():
            self.assertTrue(size / 2 < measured[kind] < size * 2, (kind, size, measured[kind]))
