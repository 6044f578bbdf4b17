"""What belongs to the look itself is no part of what it sees."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.heap_graphs import NearReader
from txresource.heap.pathtree import PathTree
from txresource.heap.roots import Root, held_by_c
from txresource.heap.unseen import Unseen


class Diary(Unseen):
    """Is kept from look to look."""

    def __init__(self, *pages: Any) -> None:
        self.pages = list(pages)


class Page:
    """Something to write on."""


class UnseenTests(SynchronousTestCase):
    """Diaries, and what is in them."""

    def test_alone(self) -> None:
        """What hangs in it alone is neither counted, nor taken for garbage or for C's."""
        page = Page()
        page.notes = [Page()]  # type: ignore[attr-defined]
        things = [page, page.notes, page.notes[0]]  # type: ignore[attr-defined]
        tree = PathTree(NearReader())
        tree.grow([Root("root", [Diary(page)])])
        self.assertEqual(tree.rows(), ())
        self.assertEqual(tree.unreached(things), things)
        tree.pass_over()
        self.assertEqual(tree.unreached(things), [])
        self.assertEqual(held_by_c(tree.unreached(things)), [])
        self.assertEqual(tree.rows(), ())

    def test_shared(self) -> None:
        """What somebody else holds, too, is counted."""
        page = Page()
        tree = PathTree(NearReader())
        tree.grow([Root("root", [Diary(page), [page]])])
        tree.pass_over()
        counted = [row.path[-1].kind for row in tree.rows()]
        self.assertEqual(counted, ["list", f"{__name__}.Page"])
