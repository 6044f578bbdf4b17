"""The modules of tests that are run apart, each as one test: see :mod:`tests.real.apart`."""

from __future__ import annotations

from unittest import TestSuite

from twisted.trial.unittest import SynchronousTestCase

from tests.real.apart import outcome


def testSuite() -> TestSuite:
    """Nothing: each of these modules loads its own."""
    return TestSuite()


class ApartTests(SynchronousTestCase):
    """Tests that run in processes of their own."""

    def check(self, name: str) -> None:
        """Run a module; show all that it said if it fails, skips any test, or has none."""
        status, text = outcome(name)
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r"(?m)^PASSED \(successes=\d+\)$")

    def test_care(self) -> None:
        """The plugin and CareService around real programs."""
        self.check("care")

    def test_closers(self) -> None:
        """Real sockets, plain and TLS, in a scope."""
        self.check("closers")

    def test_closers_work(self) -> None:
        """Real processes, threads and databases in a scope."""
        self.check("closers_work")

    def test_demo(self) -> None:
        """The bundled demo, as somebody at a terminal meets it."""
        self.check("demo")

    def test_examples(self) -> None:
        """The README's programs, as they are shown."""
        self.check("examples")

    def test_heap(self) -> None:
        """Snapshots on a real reactor, with real children."""
        self.check("heap")

    def test_heap_census(self) -> None:
        """The census of the heap, taken by a child."""
        self.check("heap_census")

    def test_heap_ends(self) -> None:
        """How the children of snapshots end, on a real reactor."""
        self.check("heap_ends")

    def test_heap_paths(self) -> None:
        """The paths of a whole heap: in a forked child, and in the test's own process."""
        self.check("heap_paths")

    def test_heap_programs(self) -> None:
        """Programs that are odd in one way, each in a process of its own."""
        self.check("heap_programs")

    def test_hostile(self) -> None:
        """Programs whose objects raise, loop and lie, looked at by a real child."""
        self.check("hostile")

    def test_leaks(self) -> None:
        """What a program in care is told of its leaks, through the plugin."""
        self.check("leaks")

    def test_look(self) -> None:
        """What the child of a snapshot says of its parent, snapshot by snapshot."""
        self.check("look")

    def test_rolling(self) -> None:
        """A server that is replaced while requests come in."""
        self.check("rolling")

    def test_shutdown(self) -> None:
        """Shutdown of a server whose peers do everything to stay."""
        self.check("shutdown")

    def test_signals(self) -> None:
        """Signals to a program in care, under each of Twisted's runners, and to the same one without."""
        self.check("signals")

    def test_soak(self) -> None:
        """Many cycles of open, use and close on a real reactor; ``benchmarks/soak.py`` with small numbers."""
        self.check("soak")

    def test_systemd(self) -> None:
        """What a program in care tells systemd, over the socket that systemd would give it."""
        self.check("systemd")

    def test_zoo(self) -> None:
        """A few programs of the zoo under the real plugin; ``benchmarks/zoo.py`` runs all of them."""
        self.check("zoo")
