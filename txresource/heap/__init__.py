"""One pass over the heap in a forked child. Standard library and Pympler only."""

from __future__ import annotations

from txresource.heap.census import (
    Census,
    Row,
    count_types,
    decode_census,
    encode_census,
)
from txresource.heap.fork import Child, Ended, fork_child
from txresource.heap.memory import refusal, resident_size
from txresource.heap.paths import PathRow, decode_paths, encode_paths, path_text
from txresource.heap.platforms import Way, way_here, way_to_look
from txresource.heap.stages import BrokenStage, StageDecoder
from txresource.heap.tables import diff_table, pympler_rows
from txresource.heap.unseen import Unseen
from txresource.heap.whole import Found, take_heap

__all__ = (
    "BrokenStage",
    "Census",
    "Child",
    "Ended",
    "Found",
    "PathRow",
    "Row",
    "StageDecoder",
    "Unseen",
    "Way",
    "count_types",
    "decode_census",
    "decode_paths",
    "diff_table",
    "encode_census",
    "encode_paths",
    "fork_child",
    "path_text",
    "pympler_rows",
    "refusal",
    "resident_size",
    "take_heap",
    "way_here",
    "way_to_look",
)
