"""What holds native memory, out of a census."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txresource.heap.census import Census, Row
from txresource.leaks.native import NATIVE, native_holders


class NativeTests(SynchronousTestCase):
    """Types that are known to hold it."""

    def test_holders(self) -> None:
        """Known types are told with their number and bytes, the most bytes first."""
        rows = (
            Row("app.Echo", 10**6, 10**9),
            Row("zlib.Compress", 2, 100),
            Row("OpenSSL.SSL.Context", 10, 500),
            Row("ssl.SSLContext", 0, 0),
        )
        census = Census(rows, objects=1, size=1, gc_objects=1, complete=True)
        self.assertEqual(
            native_holders(census),
            [
                ["OpenSSL.SSL.Context", 10, 10 * NATIVE["OpenSSL.SSL.Context"]],
                ["zlib.Compress", 2, 2 * NATIVE["zlib.Compress"]],
            ],
        )

    def test_none(self) -> None:
        """A program without any has none."""
        census = Census((), objects=0, size=0, gc_objects=0, complete=True)
        self.assertEqual(native_holders(census), [])
