"""
A long random walk over scopes beside their model: the one of ``tests/unit/test_scope_model.py``.

Run ``python benchmarks/scope_walk.py [steps] [seed]`` from the project's folder. Prints how many
steps were taken, and the seed; a walk that breaks the model is shrunk, shown, and exits with 1.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from tests.unit.test_scope_model import ScopeWalk

EACH = 50

taken = [0]


class CountedWalk(ScopeWalk):
    """The walk, its steps counted."""

    @invariant()
    def counted(self) -> None:
        """One more step."""
        taken[0] += 1


def main(steps: int = 20_000, number: int | None = None) -> int:
    number = random.randrange(2**32) if number is None else number
    begun = time.monotonic()
    rules: Any = settings(
        max_examples=50,
        stateful_step_count=EACH,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    turn = 0
    while taken[0] < steps:
        run_state_machine_as_test(seed(number + turn)(CountedWalk), settings=rules)
        turn += 1
    print(
        f"{taken[0]} steps from seed {number} in {time.monotonic() - begun:.0f} s: the model holds"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
