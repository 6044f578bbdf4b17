"""Whether there is room for a copy, read from made-up ``proc`` and ``sys`` trees."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from txresource.heap.memory import available_memory, refusal, resident_size

MIB = 2**20


class MemoryTests(SynchronousTestCase):
    """The refusal rule."""

    def setUp(self) -> None:
        """An empty root directory."""
        self.root = Path(self.mktemp())
        self.root.mkdir(parents=True)

    def write(self, path: str, text: str) -> None:
        """Write one file below the root."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def host(self, mib: int) -> None:
        """Say how much memory the host has left."""
        self.write("proc/meminfo", f"MemTotal: 99 kB\nMemAvailable:   {mib * 1024} kB\n")

    def v2(self, group: str, limit: str, used: int, cache: int = 0) -> None:
        """Make one control group of version 2."""
        self.write(f"{group}/memory.max", f"{limit}\n")
        self.write(f"{group}/memory.current", f"{used * MIB}\n")
        self.write(f"{group}/memory.stat", f"anon 5\ninactive_file {cache * MIB}\n")

    def verdict(self, rss: int) -> str | None:
        """The refusal for a process of so many MiB."""
        return refusal(rss * MIB, root=str(self.root))

    def test_nothing_known(self) -> None:
        """Where nothing can be read nothing is refused."""
        self.assertIsNone(self.verdict(10**6))

    def test_host(self) -> None:
        """The host must have half as much again as the process holds."""
        self.host(150)
        self.assertIsNone(self.verdict(100))
        sentence = self.verdict(101) or ""
        self.assertIn("151 MiB", sentence)
        self.assertIn("the host has 150 MiB", sentence)

    def test_v2(self) -> None:
        """A group of version 2 must have it, between its limit and its use."""
        self.host(9999)
        self.write("proc/self/cgroup", "0::/app/web\n")
        self.v2("sys/fs/cgroup/app/web", str(400 * MIB), 250)
        self.assertIsNone(self.verdict(100))
        self.assertIn("the control group web has 150 MiB", self.verdict(101) or "")

    def test_ancestors(self) -> None:
        """Every group above counts, too: the pod's limit, not the container's alone."""
        self.host(9999)
        self.write("proc/self/cgroup", "0::/pod/box/web\n")
        self.v2("sys/fs/cgroup/pod/box/web", "max", 10)
        self.v2("sys/fs/cgroup/pod/box", "max", 10)
        self.v2("sys/fs/cgroup/pod", str(300 * MIB), 200)
        self.assertIn("the control group pod has 100 MiB", self.verdict(100) or "")

    def test_cache(self) -> None:
        """File cache that can be dropped counts as free."""
        self.write("proc/self/cgroup", "0::/web\n")
        self.v2("sys/fs/cgroup/web", str(400 * MIB), 390, cache=200)
        self.assertIsNone(self.verdict(100))
        self.v2("sys/fs/cgroup/web", str(400 * MIB), 390, cache=20)
        self.assertIn("30 MiB left", self.verdict(100) or "")

    def test_high(self) -> None:
        """The line at which a group is throttled counts like its limit."""
        self.write("proc/self/cgroup", "0::/web\n")
        self.v2("sys/fs/cgroup/web", "max", 100)
        self.write("sys/fs/cgroup/web/memory.high", str(200 * MIB))
        self.assertIn("100 MiB left", self.verdict(100) or "")

    def test_over_the_limit(self) -> None:
        """A group that uses more than its limit has nothing left, not less than nothing."""
        self.write("proc/self/cgroup", "0::/web\n")
        self.v2("sys/fs/cgroup/web", str(100 * MIB), 120)
        self.assertIn("0 MiB left", self.verdict(1) or "")

    def test_container_sees_its_own_top(self) -> None:
        """Where the path is the host's and not to be seen, the top of the mount counts."""
        self.write("proc/self/cgroup", "0::/kubepods/pod7/abc\n")
        self.v2("sys/fs/cgroup", str(200 * MIB), 150)
        self.assertIn("50 MiB left", self.verdict(100) or "")

    def test_path_upwards(self) -> None:
        """A path that leads out of the mount, as in a namespace, stays inside of it."""
        self.write("proc/self/cgroup", "0::/../../web\n")
        self.v2("sys/fs/cgroup/web", str(200 * MIB), 150)
        self.assertIn("50 MiB left", self.verdict(100) or "")

    def v1(self, group: str, limit: int, used: int, cache: int = 0) -> None:
        """Make one memory group of version 1."""
        self.write(f"{group}/memory.limit_in_bytes", f"{limit}\n")
        self.write(f"{group}/memory.usage_in_bytes", f"{used * MIB}\n")
        stat = f"cache 1\ninactive_file 7\ntotal_inactive_file {cache * MIB}\n"
        self.write(f"{group}/memory.stat", stat)

    def test_v1(self) -> None:
        """Groups of version 1 count alike, with the cache of all below them."""
        self.write("proc/self/cgroup", "5:cpu:/x\n4:cpuset,memory:/docker/abc\n0::/\n")
        self.v1("sys/fs/cgroup/memory/docker", 9223372036854771712, 100)
        self.v1("sys/fs/cgroup/memory/docker/abc", 300 * MIB, 280, cache=100)
        self.assertEqual(list(available_memory(self.root)), [("the control group abc", 120 * MIB)])
        self.assertIsNone(self.verdict(80))
        self.assertIn("120 MiB left", self.verdict(81) or "")

    def test_damaged(self) -> None:
        """Files that say something unexpected are no reason to refuse."""
        self.write("proc/meminfo", "MemAvailable: lots\n\nMemFree:\n")
        self.write("proc/self/cgroup", "nonsense\n0::/web\n4:memory:/x\n")
        self.v2("sys/fs/cgroup/web", "soon", 1)
        self.write("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "12")
        self.assertIsNone(self.verdict(10**6))


class ResidentTests(SynchronousTestCase):
    """How much the process holds."""

    def test_statm(self) -> None:
        """The second field of ``statm`` counts pages."""
        root = Path(self.mktemp())
        (root / "proc/self").mkdir(parents=True)
        (root / "proc/self/statm").write_text("900 100 30 1 0 50 0\n")
        self.assertEqual(resident_size(str(root)) % 100, 0)
        self.assertGreaterEqual(resident_size(str(root)), 100 * 4096)

    def test_elsewhere(self) -> None:
        """Without ``proc`` it is the most that the process ever held, in bytes."""
        peak = resident_size(self.mktemp())
        self.assertGreater(peak, 5 * MIB)
        self.assertLess(peak, 2**40)
