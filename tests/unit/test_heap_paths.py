"""Paths as data: folding, text, and the way through a file."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.properties import derandomized
from txresource.heap.paths import (
    Path,
    PathRow,
    Step,
    count_kinds,
    decode_counted,
    decode_paths,
    encode_counted,
    encode_paths,
    fold,
    path_text,
)


def path(text: str) -> Path:
    """A path whose steps are the letters of a text."""
    return tuple(Step("." + letter, letter) for letter in text)


def grown(text: str) -> str:
    """What becomes of a path that grows letter by letter, as a tree does it."""
    found: Path = ()
    for step in path(text):
        found = fold((*found, step))
    return "".join(step.kind for step in found)


steps = st.builds(Step, st.sampled_from([".a", ".b", "[*]"]), st.sampled_from("xy"))
keys = st.lists(steps, min_size=1, max_size=6).map(tuple)
counts = st.dictionaries(keys, st.tuples(st.integers(1, 2**40), st.integers(0, 2**50)))


class FoldTests(SynchronousTestCase):
    """Repetitions in paths."""

    def test_as_it_is(self) -> None:
        """A path that repeats nothing stays, and so does one that comes back only once."""
        for text in ("r", "ra", "rab", "raba", "rabcdefghijk", "aba"):
            self.assertEqual(grown(text), text)

    def test_chain(self) -> None:
        """A chain of one edge and one type is one step, however long."""
        self.assertEqual(grown("r" + "a" * 500), "ra")
        self.assertEqual(grown("r" + "a" * 500 + "b"), "rab")

    def test_period(self) -> None:
        """A chain of several steps is folded when it comes round again, up to eight of them."""
        self.assertEqual(grown("rabab"), "rab")
        self.assertEqual(grown("r" + "ab" * 99 + "a"), "raba")
        self.assertEqual(grown("r" + "abcdefgh" * 2), "rabcdefgh")
        self.assertEqual(grown("r" + "abcdefghi" * 2), "r" + "abcdefghi" * 2)

    def test_root_is_no_repetition(self) -> None:
        """The first step says which root it is: it is never folded away."""
        self.assertEqual(fold(path("aa")), path("aa"))
        self.assertEqual(fold(path("aaa")), path("aa"))
        self.assertEqual(fold(path("abab")), path("abab"))

    def test_edge_and_kind(self) -> None:
        """Steps repeat only if edge and type do."""
        first, root = Step(".a", "x"), Step("r", "r")
        for other in (Step(".a", "y"), Step(".b", "x")):
            self.assertEqual(fold((root, first, other)), (root, first, other))

    def test_depth(self) -> None:
        """A path of sixty steps is whole; a deeper one is its beginning and its end."""
        deep = tuple(Step(str(n), "x") for n in range(60))
        self.assertEqual(fold(deep), deep)
        end = Step("end", "x")
        self.assertEqual(fold((*deep, end)), (*deep[:59], end))

    @derandomized(60)
    @given(keys)
    def test_stable(self, whole: Path) -> None:
        """What was folded is not folded again, begins as the path does, and is no longer."""
        folded: Path = ()
        for step in whole:
            folded = fold((*folded, step))
            self.assertEqual(folded[:1], whole[:1])
            self.assertEqual(folded[-1], step)
        self.assertLessEqual(len(folded), len(whole))


class TextTests(SynchronousTestCase):
    """Paths for people."""

    def test_module(self) -> None:
        """A path names its root, then each edge and what it leads to."""
        steps = [
            Step("module app", "module"),
            Step(".ROOM", "app.Room"),
            Step(".messages", "list"),
            Step("[*]", "app.Message"),
        ]
        text = "module app .ROOM app.Room .messages list [*] app.Message"
        self.assertEqual(path_text(tuple(steps)), text)

    def test_frame(self) -> None:
        """The frame of a function is not said twice."""
        steps = Step("frame of app.main", "frame main"), Step("local variable 'x'", "list")
        self.assertEqual(path_text(steps), "frame of app.main local variable 'x' list")

    def test_other_root(self) -> None:
        """Of a root that is neither, the type is said."""
        self.assertEqual(path_text((Step("held by C", "dict"),)), "held by C: dict")


class PlainTests(SynchronousTestCase):
    """Rows as plain data."""

    rows = (
        PathRow(path("r"), 1, 50),
        PathRow(path("ra"), 20, 400),
        PathRow(path("rb"), 3, 30),
        PathRow(path("sa"), 7, 0),
    )

    def test_there_and_back(self) -> None:
        """Rows that went through a file are the same."""
        self.assertEqual(decode_paths(json.loads(json.dumps(encode_paths(self.rows)))), self.rows)

    def test_form(self) -> None:
        """Each text stands there once, each path as one step beyond another."""
        data = encode_paths(self.rows)
        self.assertEqual(data["texts"], [".r", "r", ".a", "a", ".b", "b", ".s", "s"])
        self.assertEqual(data["paths"][:2], [[-1, 0, 1, 1, 50], [0, 2, 3, 20, 400]])
        self.assertEqual(data["paths"][3], [-1, 6, 7, 0, 0])

    @derandomized(60)
    @given(counts)
    def test_any(self, totals: dict[Path, tuple[int, int]]) -> None:
        """Whatever the rows, they come back, in their order where that is the tree's."""
        rows = [PathRow(p, *totals[p]) for p in sorted(totals)]
        self.assertEqual(decode_paths(encode_paths(rows)), tuple(rows))

    def test_damaged(self) -> None:
        """What is no table of paths is refused in one sentence."""
        good = encode_paths(self.rows)
        wrong = [None, 5, {}, {"texts": ["a"], "paths": 7}, {"texts": 1, "paths": []}]
        wrong += [
            {"texts": ["a", "b"], "paths": [row]}
            for row in (
                [0, 0, 1, 1, 1],
                [-2, 0, 1, 1, 1],
                [-1, 0, 2, 1, 1],
                [-1, -1, 1, 1, 1],
                [-1, 0, -1, 1, 1],
                [-1, 0, 1, -1, 1],
                [-1, 0, 1, 1, -1],
                [-1, 0, 1, 1],
                [-1, 0, 1, "1", 1],
                [-1, 0, 1, 2**63, 1],
                [-1, 0, 1, 1, 2**63],
                [-1, 0, 1, 1, float("nan")],
            )
        ]
        wrong.append(
            {"texts": ["a"], "paths": [[-1, 0, 0, 1, 1], [0, 0, 0, 1, 1], [-2, 0, 0, 1, 1]]}
        )
        for data in wrong:
            error = self.assertRaises(ValueError, decode_paths, data)
            self.assertIn("these are no paths", str(error))
        self.assertEqual(len(decode_paths(good)), 4)

    def test_same_text(self) -> None:
        """An edge and a kind of the same name are one text."""
        rows = (PathRow((Step("r", "r"),), 1, 1),)
        self.assertEqual(encode_paths(rows)["texts"], ["r"])
        self.assertEqual(decode_paths(encode_paths(rows)), rows)

    def test_largest(self) -> None:
        """Any number below that no heap has is read."""
        rows = (PathRow(path("r"), 2**63 - 1, 2**63 - 1),)
        self.assertEqual(decode_paths(encode_paths(rows)), rows)

    def test_counted(self) -> None:
        """Rows may be plain, too, and in any order; one that stands there twice is the later one."""
        counted = [(row.path, row.count, row.size) for row in self.rows]
        self.assertEqual(encode_counted(counted), encode_paths(self.rows))
        self.assertEqual(decode_counted(encode_counted(counted)), counted)
        again = [counted[1], *counted, (counted[2][0], 9, 9)]
        found = decode_counted(encode_counted(again))
        self.assertEqual(sorted(found), sorted([*counted[:2], (counted[2][0], 9, 9), counted[3]]))

    def test_kinds(self) -> None:
        """Objects and bytes of a kind are added up over all paths."""
        self.assertEqual(count_kinds(self.rows), {"r": (1, 50), "a": (27, 400), "b": (3, 30)})
