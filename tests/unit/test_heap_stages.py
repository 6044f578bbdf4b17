"""Stages in a stream of bytes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txresource.heap.stages import BrokenStage, StageDecoder, encode_stage

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


class StageTests(SynchronousTestCase):
    """From an encoder to a decoder."""

    @settings(derandomize=True, deadline=None)
    @given(st.lists(st.tuples(st.text(), PLAIN | st.binary()), max_size=5), st.integers(1, 40))
    def test_any_portions(self, stages: list[tuple[str, Any]], portion: int) -> None:
        """However the bytes are cut, the same stages come out, in order."""
        stream = b"".join(encode_stage(name, data) for name, data in stages)
        decoder = StageDecoder()
        out = []
        for at in range(0, len(stream), portion):
            out += decoder.feed(stream[at : at + portion])
        self.assertEqual(out, stages)

    def test_as_soon_as_complete(self) -> None:
        """A stage is handed out with its last byte, not before, not later."""
        stream = encode_stage("census", [1, 2])
        decoder = StageDecoder()
        self.assertEqual(decoder.feed(stream[:-1]), [])
        self.assertEqual(decoder.feed(stream[-1:] + stream[:5]), [("census", [1, 2])])

    def test_damaged(self) -> None:
        """Bytes that are not those of a stage raise, wherever the damage is."""
        good = encode_stage("census", {"rows": []})
        body = json.dumps("a name and no end").encode()
        for bad in [
            b"x" + good[1:],
            good[:4] + b"\xff" + good[5:],
            good[:-1] + b"\xff",
            good[:-1] + b",",
        ]:
            self.assertRaises(BrokenStage, StageDecoder().feed, bad)
        self.assertRaises(
            BrokenStage, StageDecoder().feed, good[:4] + len(body).to_bytes(4, "big") + body
        )

    def test_bytes_as_they_are(self) -> None:
        """Bytes are handed out as bytes, and are never read as anything else."""
        for data in (b"", b"\0", b"{", bytes(range(256))):
            self.assertEqual(StageDecoder().feed(encode_stage("raw", data)), [("raw", data)])
