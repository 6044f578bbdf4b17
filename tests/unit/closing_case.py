"""A thing that closes as a test wants, and the case around it."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txresource import Scope, register_closer
from txresource.outcome import Outcome
from txresource.registry import BaseCloser
from txresource.tree import Node


class Probe:
    """A thing whose closer does as it is told, and writes down what it hears."""

    kind = "probe"

    def __init__(self, case: ClosingCase, name: str, **does: Any) -> None:
        self.case = case
        self.name = name
        self.does = does
        self.node: Any = None

    def hears(self, step: str, default: Any) -> Any:
        """Note a step; do what the test wants, or return the default."""
        self.case.heard.append(f"{step} {self.name}")
        what = self.does.get(step, default)
        if isinstance(what, Exception):
            raise what
        return what() if callable(what) else what


class OtherProbe(Probe):
    """A thing of another kind, so that it makes a batch of its own."""

    kind = "other"


class ProbeCloser(BaseCloser):
    """The closer of probes: closes at once unless told otherwise."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def attach(self, node: Node) -> Any:
        """Let the probe know its node."""
        node.thing.node = node
        return node.thing

    def drain(self, node: Node) -> Any:
        """As told."""
        return node.thing.hears("drain", False)

    def busy(self, node: Node) -> Any:
        """As told; not written down, it is asked often."""
        what = node.thing.does.get("busy", False)
        if isinstance(what, Exception):
            raise what
        return what

    def close(self, node: Node) -> Any:
        """As told."""
        return node.thing.hears("close", None)

    def abort(self, node: Node) -> Any:
        """As told."""
        forced = node.thing.hears("abort", True)
        if forced and node.thing is not None and not node.thing.does.get("stuck"):
            node.ended()
        return forced


register_closer(Probe, ProbeCloser("probe"))
register_closer(OtherProbe, ProbeCloser("other"))


class ClosingCase(SynchronousTestCase):
    """A scope with a grace of 4 s on a clock that must be empty at the end."""

    def setUp(self) -> None:
        """Make it."""
        self.clock = Clock()
        self.scope = Scope(self.clock, "closing", grace=4)
        self.heard: list[str] = []
        self.handles: list[Scope] = []
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))
        self.addCleanup(self.scope.abort)

    def own(
        self, name: str, scope: Scope | None = None, kind: type[Probe] = Probe, **does: Any
    ) -> Probe:
        """Own a probe."""
        probe: Probe = (scope or self.scope).own(kind(self, name, **does), name=name)
        return probe

    def child(self, name: str, parent: Scope | None = None, grace: float | None = 5) -> Scope:
        """A child scope whose handle is kept."""
        self.handles.append((parent or self.scope).child(name, grace=grace))
        return self.handles[-1]

    def run_for(self, seconds: float) -> None:
        """Let time pass, a tenth of a second at a time."""
        self.clock.pump([0.1] * round(seconds * 10))

    def outcome(self, scope: Scope | None = None) -> Outcome:
        """What became of all."""
        run = (scope or self.scope)._node.run
        assert run is not None
        return run.outcome
