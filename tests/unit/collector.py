"""A collector that is quick: for tests that collect what they made."""

from __future__ import annotations

import gc

from twisted.trial.unittest import SynchronousTestCase


def hide_what_is_older(test: SynchronousTestCase) -> None:
    """Put all there is out of the collector's sight until a test ends; what the test makes is not."""
    gc.freeze()
    test.addCleanup(gc.unfreeze)
