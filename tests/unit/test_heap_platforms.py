"""Where the heap can be looked at."""

from __future__ import annotations

import sys

from twisted.trial.unittest import SynchronousTestCase

from txresource.heap.platforms import Way, way_here, way_to_look


class WayTests(SynchronousTestCase):
    """One way for each interpreter."""

    def test_linux(self) -> None:
        """CPython on Linux and the BSDs forks."""
        for platform in ["linux", "freebsd14"]:
            self.assertEqual(way_to_look("cpython", platform, True, True), Way(True))

    def test_in_process(self) -> None:
        """macOS and builds without the global lock look in the process itself."""
        self.assertEqual(way_to_look("cpython", "darwin", True, True), Way(False))
        self.assertEqual(way_to_look("cpython", "linux", True, False), Way(False))

    def test_refused(self) -> None:
        """PyPy, Windows and systems without ``fork`` are refused in one sentence each."""
        for way, word in [
            (way_to_look("pypy", "linux", True, True), "CPython"),
            (way_to_look("cpython", "win32", False, True), "fork"),
            (way_to_look("cpython", "wasi", False, True), "fork"),
        ]:
            self.assertFalse(way.forks)
            self.assertIn(word, way.refused or "")

    def test_here(self) -> None:
        """The running interpreter has its way found."""
        if sys.implementation.name == "cpython" and sys.platform == "linux":
            self.assertIsNone(way_here().refused)
