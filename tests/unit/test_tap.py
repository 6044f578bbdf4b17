"""The options of the twistd plugin; nothing is started here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from txresource import tap
from txresource.tap import Options, describe, makeService, seconds


class PluginOptions(usage.Options):
    """The options of a plugin in care."""

    optParameters = [["port", "p", None, "where to listen", int]]

    def postOptions(self) -> None:
        """A port is needed."""
        if self["port"] is None:
            raise usage.UsageError("a port is needed")


class Maker:
    """An installed plugin."""

    tapname = "guest"
    description = "a guest"
    options = PluginOptions

    def makeService(self, options: Any) -> Any:
        """Fail as a plugin may."""
        raise ZeroDivisionError


class Ours(Maker):
    """Our own plugin, which is installed as well."""

    tapname = "txresource"


class OptionsCase(SynchronousTestCase):
    """Two plugins are installed: a guest, and we."""

    def setUp(self) -> None:
        """Install them."""
        self.patch(tap, "getPlugins", lambda interface: [Ours(), Maker()])
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)

    def parse(self, *words: str, parent: Any = None) -> Options:
        """Read a command line."""
        options = Options()
        options.parent = parent
        options.parseOptions(list(words))
        return options

    def refused(self, *words: str, parent: Any = None) -> str:
        """The one sentence with which a command line is refused; the exit status is not 0."""
        code = self.assertRaises(SystemExit, self.parse, *words, parent=parent).code
        self.assertIsInstance(code, str)
        said = str(code)
        self.assertTrue(said.startswith("txresource: "), said)
        self.assertEqual(len(said.splitlines()), 1, said)
        return said

    def not_made(self, *words: str, parent: Any = None) -> str:
        """The one sentence with which no service is made; no listener is hooked by then."""
        options = self.parse(*words, parent=parent)
        # Files are checked before the reactor's methods are touched, but a .tac's are not.
        return self.sentence_of(options)

    def sentence_of(self, options: Options) -> str:
        """What is said when the service is to be made."""
        self.patch(tap, "installed_reactor", SilentReactor)
        said = str(self.assertRaises(SystemExit, makeService, options).code)
        self.assertTrue(said.startswith("txresource: "), said)
        self.assertEqual(len(said.splitlines()), 1, said)
        return said


class SilentReactor:
    """A reactor that has no listeners to hook and no time to tell."""

    def seconds(self) -> float:
        """It is always now."""
        return 0.0

    def callLater(self, delay: float, function: Any, *args: Any) -> None:
        """Nothing is ever called."""
        raise AssertionError(function)


class ChoiceTests(OptionsCase):
    """One of a plugin, an application and the demo."""

    def test_nothing(self) -> None:
        """Nothing to take care of is refused with the list of plugins, ourselves left out."""
        said = self.refused()
        self.assertIn("name a plugin (guest), or --application FILE, or --demo", said)

    def test_unknown(self) -> None:
        """An unknown plugin, and we ourselves, are refused with the same list."""
        for name in ("nosuch", "txresource"):
            said = self.refused(name)
            self.assertIn(f"unknown command: {name}; name a plugin (guest)", said)

    def test_several(self) -> None:
        """Two or three of them at once are refused."""
        for words in (
            ["--demo", "--application", "x.tac"],
            ["--demo", "guest", "-p", "1"],
            ["--application", "x.tac", "guest", "-p", "1"],
            ["--demo", "--application", "x.tac", "guest", "-p", "1"],
        ):
            self.assertIn("not several", self.refused(*words))

    def test_each(self) -> None:
        """Each of them alone is accepted, and the log has a name for it."""
        path = os.path.join(os.getcwd(), "x.tac")
        self.assertEqual(describe(self.parse("--demo")), "the demo")
        self.assertEqual(describe(self.parse("--application", "x.tac")), path)
        self.assertEqual(describe(self.parse("guest", "-p", "1")), "the plugin guest")

    def test_outer_file(self) -> None:
        """``twistd -y FILE`` means the same as --application, and counts as one of the three."""
        options = self.parse(parent={"python": "x.tac", "uid": None})
        self.assertEqual(options["application"], os.path.abspath("x.tac"))
        for words in (["--demo"], ["--application", "y.tac"]):
            self.assertIn("not several", self.refused(*words, parent={"python": "x.tac"}))
        self.assertIn("nothing to take care of", self.refused(parent={"python": None}))

    def test_no_leak(self) -> None:
        """--no-leak is refused without --demo."""
        self.assertIn("--no-leak belongs to --demo", self.refused("--no-leak", "guest", "-p", "1"))
        self.assertTrue(self.parse("--demo", "--no-leak")["no-leak"])

    def test_plugins_own_error(self) -> None:
        """A usage error of the plugin in care ends with its sentence, and not with 0."""
        self.assertIn("a port is needed", self.refused("guest"))
        self.assertIn("--nosuch", self.refused("guest", "--nosuch"))

    def test_plugins_own_options(self) -> None:
        """The plugin in care reads its own options."""
        self.assertEqual(self.parse("guest", "--port", "8080").subOptions["port"], 8080)

    def test_unknown_option(self) -> None:
        """An option that we do not have is refused."""
        self.assertIn("--nosuch", self.refused("--nosuch", "--demo"))


class NumberTests(OptionsCase):
    """Seconds are numbers from 0 on."""

    def test_good(self) -> None:
        """Numbers become seconds; what is not given is the default."""
        options = self.parse("--interval", "0", "--grace", "2.5", "--demo")
        self.assertEqual((options["interval"], options["grace"]), (0.0, 2.5))
        options = self.parse("--demo")
        self.assertEqual((options["interval"], options["grace"]), (None, 10.0))
        self.assertEqual(options["linger"], 0.0)
        self.assertEqual(self.parse("--grace", "3", "--linger", "2.9", "--demo")["linger"], 2.9)

    def test_bad(self) -> None:
        """What is negative, endless, no number or no text at all is refused by its option's name."""
        for name in ("interval", "grace", "linger"):
            for text in ("-1", "nan", "inf", "-inf", "soon", "", "1s"):
                said = self.refused(f"--{name}={text}", "--demo")
                self.assertIn(f"--{name} takes a number of seconds, 0 or more, not {text!r}", said)
            self.assertRaises(usage.UsageError, seconds, name, "-0.1")
        said = self.refused("--grace", "2", "--linger", "2", "--demo")
        self.assertIn("--linger is a part of the grace: it must be less than 2, not 2", said)


class FileTests(OptionsCase):
    """Files are checked before anything starts."""

    def test_paths_are_absolute(self) -> None:
        """Paths are made absolute when they are read: a daemon changes its directory."""
        options = self.parse("--report", "r.json", "--history", "h", "--application", "x.tac")
        self.assertEqual(options["report"], os.path.abspath("r.json"))
        self.assertEqual(options["history"], os.path.abspath("h"))
        self.assertEqual(options["application"], os.path.abspath("x.tac"))

    def test_report(self) -> None:
        """A report that cannot be written is refused, whatever the reason."""
        strange = self.folder / "notes.txt"
        strange.write_text("mine")
        for path, words in {
            self.folder: "it is a directory",
            self.folder / "none" / "r.json": "there is no",
            strange: "is not a report of txresource",
        }.items():
            self.assertIn(words, self.not_made("--demo", "--report", str(path)))

    def test_report_of_another_user(self) -> None:
        """The user of ``twistd --uid`` is the one who must be able to write."""
        self.folder.chmod(0o755)
        words = ("--demo", "--report", str(self.folder / "r.json"))
        said = self.not_made(*words, parent={"uid": 54321, "python": None})
        self.assertIn("by user 54321: no permission", said)

    def test_history(self) -> None:
        """A folder that snapshots cannot be kept in is refused, by the user of ``--uid``, too."""
        said = self.not_made("--demo", "--history", str(self.folder / "none"))
        self.assertIn("none: there is no such folder", said)
        self.folder.chmod(0o755)
        words = ("--demo", "--history", str(self.folder))
        said = self.not_made(*words, parent={"uid": 54321, "python": None})
        self.assertIn("by user 54321: no permission", said)

    def test_application(self) -> None:
        """A .tac that is missing, does not parse or makes no application is refused."""
        path = self.folder / "x.tac"
        words = ("--application", str(path))
        self.assertIn("cannot be read", self.not_made(*words))
        for text, expected in {
            "x = = 1": "is not Python",
            "x = 1": "defines no application",
            "application = 3": "is not a service",
        }.items():
            path.write_text(text)
            self.assertIn(expected, self.not_made(*words))

    def test_applications_own_error(self) -> None:
        """An error of the .tac's own code, and of a plugin's makeService, comes through."""
        self.patch(tap, "installed_reactor", SilentReactor)
        path = self.folder / "x.tac"
        path.write_text("1 / 0")
        for words in (["--application", str(path)], ["guest", "-p", "1"]):
            self.assertRaises(ZeroDivisionError, makeService, self.parse(*words))
