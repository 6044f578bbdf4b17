"""One pass over the heap in a forked child. Standard library and Pympler only."""

from __future__ import annotations

from txresource.heap.census import (
    Census,
    Row,
    count_types,
    decode_census,
    encode_census,
    take_census,
)
from txresource.heap.fork import Child, Ended, fork_child
from txresource.heap.memory import refusal, resident_size
from txresource.heap.platforms import Way, way_here, way_to_look
from txresource.heap.stages import BrokenStage, StageDecoder
from txresource.heap.tables import diff_table, pympler_rows

__all__ = (
    "BrokenStage",
    "Census",
    "Child",
    "Ended",
    "Row",
    "StageDecoder",
    "Way",
    "count_types",
    "decode_census",
    "diff_table",
    "encode_census",
    "fork_child",
    "pympler_rows",
    "refusal",
    "resident_size",
    "take_census",
    "way_here",
    "way_to_look",
)
