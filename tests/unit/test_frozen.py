"""A snapshot on its way into a file and back."""

from __future__ import annotations

import dataclasses
import gzip
import json
import zlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.properties import derandomized
from txresource.heap.census import Census, Row
from txresource.heap.paths import PathRow, Step
from txresource.leaks.frozen import FrozenHeap, decode_heap, encode_heap

STEPS = st.builds(Step, st.text(max_size=3), st.text(max_size=3))
PATHS = st.lists(STEPS, min_size=1, max_size=4).map(tuple)
COUNTS = st.integers(1, 2**40)
HEAPS = st.builds(
    FrozenHeap,
    taken_at=st.floats(0, 2**40),
    rss=COUNTS,
    load=st.none() | st.integers(0, 2**30),
    pid=COUNTS,
    gc_objects=COUNTS,
    objects=COUNTS,
    size=COUNTS,
    rows=st.dictionaries(PATHS, st.tuples(COUNTS, COUNTS), max_size=6).map(
        lambda found: tuple(PathRow(path, *found[path]) for path in sorted(found))
    ),
    census=st.builds(
        Census,
        st.lists(st.builds(Row, st.text(max_size=3), COUNTS, COUNTS), max_size=3).map(tuple),
        COUNTS,
        COUNTS,
        COUNTS,
        st.booleans(),
    ),
    started=st.none() | st.floats(0, 2**40),
)
HEAP = FrozenHeap(
    taken_at=1.5,
    rss=2**20,
    load=None,
    pid=77,
    gc_objects=3,
    objects=4,
    size=500,
    rows=(
        PathRow((Step("module app", "module"),), 1, 80),
        PathRow((Step("module app", "module"), Step(".ROOM", "app.Room")), 3, 420),
    ),
    census=Census((Row("app.Room", 3, 420), Row("module", 1, 80)), 4, 3, 500),
)
CENSUS: dict[str, Any] = {
    "rows": [["list", 1, 8]],
    "objects": 1,
    "gc_objects": 1,
    "size": 8,
    "complete": True,
}


def packed(**changes: Any) -> bytes:
    """A snapshot whose fields somebody changed."""
    fields = json.loads(gzip.decompress(encode_heap(HEAP)))
    return gzip.compress(json.dumps({**fields, **changes}).encode())


class FrozenHeapTests(SynchronousTestCase):
    """From a heap to bytes, and back."""

    @derandomized(100)
    @given(HEAPS)
    def test_any_heap(self, heap: FrozenHeap) -> None:
        """Any snapshot survives, down to lone surrogates in its names."""
        self.assertEqual(decode_heap(encode_heap(heap)), heap)

    def test_same_bytes(self) -> None:
        """The same snapshot gives the same bytes: no time of writing is in them."""
        self.assertEqual(encode_heap(HEAP), encode_heap(dataclasses.replace(HEAP)))

    def test_readable_by_others(self) -> None:
        """The bytes are gzip and JSON, with the schema's version."""
        self.assertEqual(json.loads(gzip.decompress(encode_heap(HEAP)))["schema"], 1)

    def test_small(self) -> None:
        """Ten thousand paths take less than 200 KiB: fifty thousand less than a MiB."""
        rows = tuple(
            PathRow((*HEAP.rows[0].path, Step(f".name{a}", "dict"), Step(f".n{b}", f"t{a}")), a, b)
            for a in range(1, 101)
            for b in range(1, 101)
        )
        encoded = encode_heap(dataclasses.replace(HEAP, rows=rows))
        self.assertLess(len(encoded), 200 * 2**10)
        self.assertEqual(len(decode_heap(encoded).rows), 10_000)


class DamageTests(SynchronousTestCase):
    """Bytes that are no snapshot."""

    def refused(self, data: bytes) -> str:
        """The one sentence about them."""
        error = self.assertRaises(ValueError, decode_heap, data)
        self.assertNotIn("\n", str(error))
        return str(error)

    def test_cut_off(self) -> None:
        """Wherever a snapshot is cut off, it is refused."""
        whole = encode_heap(HEAP)
        for end in range(len(whole)):
            self.refused(whole[:end])
        self.assertIn("cut off", self.refused(whole[:-1]))

    def test_damaged(self) -> None:
        """Whichever byte of its body is another, a snapshot is refused or the same."""
        whole = encode_heap(HEAP)
        for at in range(10, len(whole)):
            self.refused(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])

    def test_more(self) -> None:
        """What has something behind its end is refused."""
        self.assertIn("follows", self.refused(encode_heap(HEAP) + b"x"))

    def test_newer(self) -> None:
        """A snapshot of a newer schema is refused, and both versions are named."""
        self.assertIn("schema 7, and this version reads up to 1", self.refused(packed(schema=7)))

    def test_wrong_fields(self) -> None:
        """A field that is missing, or of the wrong kind, is refused."""
        for changes in [
            {"schema": "1"},
            {"schema": 0},
            {"rss": -1},
            {"rss": True},
            {"load": "many"},
            {"taken_at": "now"},
            {"taken_at": float("nan")},
            {"census": None},
            {"census": {}},
            {"texts": 5},
            {"paths": [[5, 0, 0, 1, 1]]},
            {"paths": [[-1, 0, 0, 1]]},
            {"paths": [[-1, 0, 0, "x", 1]]},
            {"paths": [[-1, 0, 0, float("inf"), 1]]},
            {"paths": [[-2, 0, 0, 1, 1]]},
            {"started": "then"},
            {"started": float("inf")},
            {"census": {**CENSUS, "rows": [["list", -1, 8]]}},
            {"census": {**CENSUS, "rows": [["list", "1", 8]]}},
            {"census": {**CENSUS, "size": float("inf")}},
        ]:
            self.refused(packed(**changes))

    def test_why(self) -> None:
        """What is refused is told what is wrong with it."""
        fields = json.loads(gzip.decompress(encode_heap(HEAP)))
        del fields["rss"]
        less = gzip.compress(json.dumps(fields).encode())
        start = "this is no snapshot of a heap"
        for data, why in (
            (b"????", f"{start}, or it is damaged"),
            (gzip.compress(b"?"), start),
            (packed(schema="1"), f"{start}: its schema is no number"),
            (packed(pid=-1), f"{start}: a number is none, or is negative"),
            (packed(taken_at="now"), f"{start}: its time is no time"),
            (less, f"{start}: it has no 'rss'"),
        ):
            self.assertEqual(self.refused(data), why)
        self.assertEqual(decode_heap(packed(rss=0)).rss, 0)

    def test_large_numbers(self) -> None:
        """A number that no heap has is refused in one sentence, and none is read that is longer."""
        for number in (2**63, 10**5000):
            for field in ("rss", "pid", "load", "objects"):
                whole = gzip.decompress(encode_heap(HEAP)).decode()
                fields = {**json.loads(whole), field: 0}
                digits = "9" * 5000 if number > 2**63 else str(number)
                text = json.dumps(fields).replace(f'"{field}": 0', f'"{field}": {digits}', 1)
                self.assertIn("a number is too large", self.refused(gzip.compress(text.encode())))
            self.refused(packed(paths=[[-1, 0, 0, 1, 2**63]]))
            for heap in (
                dataclasses.replace(HEAP, rss=number),
                dataclasses.replace(HEAP, load=number),
                dataclasses.replace(HEAP, rows=(PathRow(HEAP.rows[0].path, 1, number),)),
                dataclasses.replace(HEAP, census=Census((Row("list", number, 1),), 1, 1, 1)),
                dataclasses.replace(HEAP, census=Census((), 1, 1, number)),
            ):
                error = self.assertRaises(ValueError, encode_heap, heap)
                self.assertEqual(str(error), "a number is too large for any heap")
        largest = dataclasses.replace(HEAP, rss=2**63 - 1, load=2**63 - 1)
        self.assertEqual(decode_heap(encode_heap(largest)), largest)

    def test_without_start(self) -> None:
        """A file that does not say when its process began is read, and it is not known."""
        fields = json.loads(gzip.decompress(encode_heap(dataclasses.replace(HEAP, started=5.5))))
        self.assertEqual(fields.pop("started"), 5.5)
        heap = decode_heap(gzip.compress(json.dumps(fields).encode()))
        self.assertEqual(heap, HEAP)

    def test_other_things(self) -> None:
        """What is no snapshot at all is refused."""
        for data in [b"", b"{}", gzip.compress(b"["), gzip.compress(b"[1]"), gzip.compress(b"{}")]:
            self.refused(data)
        self.refused(gzip.compress(b"[" * 100_000))

    def test_bomb(self) -> None:
        """Bytes that unpack to far more than any snapshot are refused before they fill memory."""
        packer = zlib.compressobj(1, wbits=31)
        # Flushed fully, each of them comes out as the same bytes.
        first, other = (
            packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2)
        )
        self.assertIn("too large", self.refused(first + 129 * other))
