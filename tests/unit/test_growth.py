"""Which types are called growing."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txresource.heap.census import Census
from txresource.heap import census as census_module
from txresource.leaks.growth import LEAST_GAIN, STREAK, WARM_UP, GrowingType, GrowthTracker
