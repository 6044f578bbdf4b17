"""Creation sites: which line is found, and how it is shown."""

from __future__ import annotations

import sys

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txresource import sites
from txresource.scope import Scope
from txresource.sites import caller_site, code_site, describe_site, mask_literals


class CallerTests(SynchronousTestCase):
    """The line of the user's code."""

    def take_for_all(self, folder: str) -> None:
        """Every file counts as one of this folder's; what is known of files is asked anew."""
        self.addCleanup(sites._is_users.cache_clear)
        self.patch(sites, folder, "")
        sites._is_users.cache_clear()

    def test_caller(self) -> None:
        """The line that calls is the site, as code and line number, free of frames."""
        site = caller_site()
        line = sys._getframe().f_lineno - 1
        self.assertEqual(site, (sys._getframe().f_code, line))

    def test_passes_over_txresource(self) -> None:
        """Frames of txresource are passed over."""
        scope = Scope(Clock(), "test")
        line, created = sys._getframe().f_lineno - 1, scope.tree().created_at
        scope.abort()
        where = f"test_sites.py:{line} in test_passes_over_txresource"
        self.assertEqual(created, f"{where}: scope = Scope(Clock(), '…')")

    def test_passes_over_twisted(self) -> None:
        """Frames of Twisted are passed over where a caller outside of it is on the stack."""
        clock, found = Clock(), []  # type: ignore[var-annotated]
        code = compile("found.append(caller_site())", "/x/twisted/internet/base.py", "exec")
        clock.callLater(0, exec, code, {"found": found, "caller_site": caller_site})
        clock.advance(0)
        self.assertEqual(found[0][0].co_name, "test_passes_over_twisted")

    def test_nobody_else(self) -> None:
        """A stack of nothing but txresource has no site."""
        self.take_for_all("_OURS")
        self.assertIsNone(caller_site())

    def test_only_twisted_beside_us(self) -> None:
        """What Twisted made by itself has no site."""
        self.take_for_all("_TWISTED")
        self.assertIsNone(caller_site())

    def test_runners(self) -> None:
        """The line of the script that runs a program says nothing, and is passed over."""
        found: list[object] = []
        code = compile("found.append(caller_site())", "/usr/bin/twistd", "exec")
        exec(code, {"found": found, "caller_site": caller_site})
        self.assertEqual(found[0][0].co_name, "test_runners")  # type: ignore[index]

    def test_code(self) -> None:
        """The site of a function is its first line; what is not Python has none."""
        described = describe_site(code_site(self.setUp))
        assert described is not None
        self.assertIn(" in setUp: def setUp", described)
        self.assertIsNone(code_site(len))


class DescribeTests(SynchronousTestCase):
    """A site in words."""

    def test_none(self) -> None:
        """No site has no words."""
        self.assertIsNone(describe_site(None))

    def test_line(self) -> None:
        """File, line, function and source are shown; values in the source are not."""
        site, secret = caller_site(), "hunter2"
        line = sys._getframe().f_lineno - 1
        self.assertEqual(
            describe_site(site),
            f"test_sites.py:{line} in test_line: site, secret = caller_site(), '…'",
        )
        self.assertEqual(secret, "hunter2")

    def test_no_source(self) -> None:
        """Where the source cannot be read, the place alone is shown."""
        code = compile("pass", "/nowhere/app.py", "exec")
        self.assertEqual(describe_site((code, 7)), "app.py:7 in <module>")


class MaskTests(SynchronousTestCase):
    """No value of a source line is shown."""

    def test_literals(self) -> None:
        """Strings of every kind and numbers are masked; names keep their digits."""
        for source, shown in {
            "f('a', \"b\")": "f('…', '…')",
            "f(b'raw', rb'x', f'{y}')": "f('…', '…', '…')",
            r"f('it\'s', x)": "f('…', x)",
            "f(8080, 1.5, 0xFF, 1e9, 1_000)": "f(…, …, …, …, …)",
            "utf8(x2, sha256)": "utf8(x2, sha256)",
            "f('open": "f('…'",
            "f('#', x)  # it's the password": "f('…', x)",
            "# alone": "",
            "''": "'…'",
            "": "",
        }.items():
            self.assertEqual(mask_literals(source), shown)
