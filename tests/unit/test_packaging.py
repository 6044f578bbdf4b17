"""What an installed txresource brings."""

from __future__ import annotations

import configparser
import re

from twisted.application.service import IServiceMaker
from twisted.plugin import IPlugin
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests import sources


def setup_cfg() -> configparser.ConfigParser:
    """Read the project's setup.cfg."""
    config = configparser.ConfigParser()
    config.read(sources.ROOT / "setup.cfg")
    return config


def lines(value: str) -> list[str]:
    """Split a value of setup.cfg that lists one thing a line."""
    return [line for line in value.split("\n") if line and not line.startswith("#")]


class PackagingTests(SynchronousTestCase):
    """``setup.cfg`` says what is there."""

    def test_packages(self) -> None:
        """The packages listed are the folders with an ``__init__``, and the one for plugins."""
        fronts = sources.ROOT.glob("txresource/**/__init__.py")
        expected = {sources.module_name(path) for path in fronts} | {"twisted.plugins"}
        self.assertEqual(set(lines(setup_cfg()["options"]["packages"])), expected)

    def test_twisted_stays_whole(self) -> None:
        """Our folders ``twisted`` and ``twisted/plugins`` have no ``__init__`` to hide Twisted's."""
        self.assertEqual(list((sources.ROOT / "twisted").rglob("__init__.py")), [])

    def test_package_dir(self) -> None:
        """An editable install is a path entry, which the plugin and bare ``trial tests`` need."""
        self.assertEqual(setup_cfg()["options"]["package_dir"].strip(), "= .")

    def test_typed(self) -> None:
        """The marker that tells type checkers to read our annotations is there and packed."""
        self.assertTrue((sources.ROOT / "txresource/py.typed").exists())
        self.assertEqual(setup_cfg()["options.package_data"]["txresource"], "py.typed")

    def test_metadata_in_one_place(self) -> None:
        """pyproject.toml names the build system and nothing else."""
        text = (sources.ROOT / "pyproject.toml").read_text()
        self.assertEqual(re.findall(r"^\[(.*)\]$", text, re.MULTILINE), ["build-system"])

    def test_version(self) -> None:
        """The version has three numbers, and the change log a section for it."""
        version = setup_cfg()["metadata"]["version"]
        self.assertRegex(version, r"\A\d+\.\d+\.\d+\Z")
        self.assertIn(f"## {version}", (sources.ROOT / "CHANGELOG.md").read_text("utf-8"))

    def test_pythons(self) -> None:
        """The classifiers begin with the lowest Python that may install it."""
        config = setup_cfg()
        minors = re.findall(r"Python :: 3\.(\d+)", config["metadata"]["classifiers"])
        self.assertEqual(config["options"]["python_requires"], f">=3.{min(map(int, minors))}")

    def test_commands(self) -> None:
        """Each console script leads to a function that is there."""
        config = setup_cfg()
        scripts = config.get("options.entry_points", "console_scripts", fallback="")
        for script in lines(scripts):
            module, _, name = script.partition("=")[2].strip().partition(":")
            self.assertTrue(callable(getattr(__import__(module, fromlist=[name]), name)))


class PluginTests(SynchronousTestCase):
    """The file in ``twisted/plugins``."""

    def test_plugin(self) -> None:
        """Twisted finds one service maker called txresource that is all it should be."""
        from twisted.plugins.txresource_plugin import txresource

        verifyObject(IServiceMaker, txresource)
        verifyObject(IPlugin, txresource)
        self.assertEqual(txresource.tapname, "txresource")

    def test_plugin_leads_to_the_service(self) -> None:
        """The module that the plugin names is there and makes services."""
        from twisted.plugins.txresource_plugin import txresource

        self.assertTrue(callable(txresource.options))
        self.assertTrue(callable(txresource.makeService))
