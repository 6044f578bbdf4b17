"""For test cases: assertions that nothing was left behind."""

from __future__ import annotations

from txresource.testing.assertions import LeakAssertionsMixin

__all__ = ("LeakAssertionsMixin",)
