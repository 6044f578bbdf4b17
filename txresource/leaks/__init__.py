"""Live leak detection: snapshots of the heap, and what they prove."""

from __future__ import annotations

from txresource.leaks.monitor import LeakMonitor
from txresource.leaks.snapshots import Snapshot, SnapshotStatistics, SnapshotTaker, take_snapshot

__all__ = ("LeakMonitor", "Snapshot", "SnapshotStatistics", "SnapshotTaker", "take_snapshot")
