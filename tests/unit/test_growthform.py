"""The history of growth as bytes."""

from __future__ import annotations

import json
import zlib

from twisted.trial.unittest import SynchronousTestCase

from tests.growthseries import path_of
from txresource.leaks.growthform import Form, Leak, pack, unpack
from txresource.leaks.ladder import Ladder, Series
from txresource.leaks.tallies import Tallies, Tally

STILL, THING, OTHER = path_of("Still"), path_of("Thing"), path_of("Other")


def form() -> Form:
    """What a history holds of a path that stands, and of two that do not."""
    tallies = Tallies()
    tallies.still = {STILL: (7, 70)}
    tallies.moving = {
        OTHER: Tally(Series(0, [4, 5], [4, 5]), Series(11), 3),
        THING: Tally(Series(9), Series(50, [20, 60, 61], [80, 60, 61]), 0),
    }
    ladder = Ladder([4, 2, 1, 1], [3.0, 5.5, 6.0, 7.5])
    load = Series(2, [1, 3, 4, 5], [8, 9, 4, 5])
    return Form(10, ladder, load, tallies, (THING,), {OTHER: Leak("count", 5, 1.5, 60.0)})


def fields() -> dict[str, object]:
    """The same, as plain data."""
    found: dict[str, object] = json.loads(zlib.decompress(pack(form())))
    return found


def series(one: Series) -> tuple[int, list[int], list[int]]:
    """All that a series holds."""
    return one.base, one.lows, one.highs


class GrowthFormTests(SynchronousTestCase):
    """From a history to bytes, and back."""

    def test_there_and_back(self) -> None:
        """All that a history holds comes back."""
        before, after = form(), unpack(pack(form()))
        self.assertEqual((after.snapshots, after.growing, after.leaks), (10, *before[4:]))
        self.assertEqual(after.ladder.widths, before.ladder.widths)
        self.assertEqual(after.ladder.ends, before.ladder.ends)
        self.assertEqual(series(after.load), series(before.load))
        self.assertEqual(after.tallies.still, {STILL: (7, 70)})
        self.assertEqual(sorted(after.tallies.moving), [OTHER, THING])
        for path, tally in before.tallies.moving.items():
            found = after.tallies.moving[path]
            self.assertEqual(series(found.count), series(tally.count))
            self.assertEqual(series(found.size), series(tally.size))
            self.assertEqual(found.absent, tally.absent)

    def test_form(self) -> None:
        """Numbers are kept by how far they are from the first; high ones of wide windows alone."""
        found = fields()
        self.assertEqual(found["load"], [2, [-1, 1, 2, 3], [7, 6]])
        self.assertEqual(found["changed"], [[0, 0, [4, 5], []], [1, 1, [-30, 10, 11], [60]]])
        self.assertEqual(found["absent"], [[0, 3]])

    def test_refused(self) -> None:
        """What has other rows than numbers, or the form of another version, is refused."""
        for changes in (
            {"schema": 2},
            {"changed": [[2, 0, [1], []]]},
            {"absent": [[2, 1]]},
            {"growing": [["short"]]},
            {"leaks": [[[], "count"]]},
        ):
            data = zlib.compress(json.dumps({**fields(), **changes}).encode())
            self.assertRaises(ValueError, unpack, data)
