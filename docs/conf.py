"""How Sphinx builds these pages: ``sphinx-build -W -n -b html docs OUT``."""

from __future__ import annotations

import configparser
import re
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root))

from tests import sources  # noqa: E402

setup_cfg = configparser.ConfigParser()
setup_cfg.read(root / "setup.cfg")

project = "txresource"
author = setup_cfg["metadata"]["author"]
release = version = setup_cfg["metadata"]["version"]
project_copyright = f"2026, {author}"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinxcontrib.zopeext.autointerface"]
html_theme = "alabaster"
html_theme_options = {"description": setup_cfg["metadata"]["description"]}
exclude_patterns = ["examples"]

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True

# Every reference must lead somewhere, but for the names of others: following
# those would mean to fetch inventories, and a build must not need a network.
nitpicky = True
imported = {
    name for path in sources.python_files("txresource") for name in sources.read(path).imported
}
nitpick_ignore_regex = [
    (r"py:.*", r"(?!txresource\b)\w+\..*"),
    # An annotation names things as they were imported, without their module.
    (r"py:(class|data|obj)", "|".join(map(re.escape, sorted(imported)))),
    # A type variable has no entry of its own.
    (r"py:(class|obj)", r"([\w.]+\.)?_[A-Z]\w*"),
    # An interface in an annotation is an object, and Sphinx takes its repr.
    (r"py:class", r"<InterfaceClass [\w.]+>"),
]
