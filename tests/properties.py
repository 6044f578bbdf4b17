"""How properties are tested: the same examples each time."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

__all__ = ("derandomized",)


def derandomized(examples: int) -> settings:
    """Settings for a property that is tested with so many examples, quick or slow."""
    return settings(
        derandomize=True,
        deadline=None,
        max_examples=examples,
        database=None,
        # mutmut runs all tests more than once.
        suppress_health_check=[HealthCheck.differing_executors],
    )
