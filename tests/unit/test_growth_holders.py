"""What is blamed where a container gets larger for what it holds."""

from __future__ import annotations

import sys
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.cli_case import MANY, MESSAGE, MESSAGES, ROOM, heap
from txresource.heap.paths import PathRow
from txresource.leaks.growth import GrowthHistory


class HolderTests(SynchronousTestCase):
    """Containers of their real sizes."""

    def check(self, container: Any, add: Any) -> None:
        """What is held is blamed, alone, and not the bytes of what holds it."""
        history, kept = GrowthHistory(), 0
        for minute in range(MANY):
            for _ in range(500):
                add(container, kept)
                kept += 1
            rows = [
                PathRow(ROOM[:1], 1, 72),
                PathRow(ROOM, 1, 48),
                PathRow(MESSAGES, 1, sys.getsizeof(container)),
                PathRow(MESSAGE, kept, 56 * kept),
            ]
            history.update(heap(rows, minute=minute))
        found = history.findings()
        self.assertEqual([(f.path, f.measure) for f in found.proven], [(MESSAGE, "count")])
        self.assertEqual(found.growing, ())

    def test_list(self) -> None:
        """A list grows a little with every few items."""
        self.check([], list.append)

    def test_dict(self) -> None:
        """A dictionary doubles now and then."""
        self.check({}, lambda kept, number: kept.setdefault(number))
