"""The examples in the documents hold.

An example for a prompt (``>>>``) is run here. One that needs a reactor or twistd
is a file in ``docs/examples``, shown in the documents word for word, and run by
``tests/real/test_real_examples.py``.
"""

from __future__ import annotations

import doctest
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests import sources
from tests.real.faults.page import render
from tests.real.faults.table import rows

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^\.\. code-block:: +python\n((?:\n| .*\n)*)", re.MULTILINE)


def documents() -> list[Path]:
    """List README.md and what lies in docs."""
    return [sources.ROOT / "README.md", *sorted((sources.ROOT / "docs").rglob("*.rst"))]


def run_examples(path: Path) -> str:
    """
    Run the examples of a document in one namespace.

    :returns: what doctest has to say against them; empty when they hold.
    """
    # To doctest a closing fence would be a line of the output above it.
    text = re.sub(r"^```.*$", "", path.read_text("utf-8"), flags=re.MULTILINE)
    examples = doctest.DocTestParser().get_doctest(
        text, {"__name__": "__main__"}, path.name, str(path), 0
    )
    said: list[str] = []
    doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS).run(
        examples, out=said.append
    )
    return "".join(said)


class DocumentTests(SynchronousTestCase):
    """One test a document; they are added below, so that each is named in trial's output."""


def _add_test(path: Path) -> None:
    def test(self: DocumentTests) -> None:
        """Every example of the document prints what it shows."""
        said = run_examples(path)
        self.assertFalse(said, said)

    relative = path.relative_to(sources.ROOT).with_suffix("")
    test.__name__ = "test_" + re.sub(r"\W", "_", str(relative)).lower()
    setattr(DocumentTests, test.__name__, test)


for _path in documents():
    _add_test(_path)


class ExampleTests(SynchronousTestCase):
    """Code that is shown is code that is run, and what can be used is listed."""

    def test_failing_example_is_seen(self) -> None:
        """A document whose example prints something else does not pass."""
        path = Path(self.mktemp())
        path.write_text("```\n>>> 1 + 1\n3\n```\n")
        self.assertIn("Expected:", run_examples(path))

    def test_shown_code_is_in_a_file(self) -> None:
        """Python shown without a prompt is, word for word, part of a file in docs/examples."""
        files = [path.read_text("utf-8") for path in (sources.ROOT / "docs/examples").glob("*")]
        for path in documents():
            text = path.read_text("utf-8")
            shown = [code for language, code in FENCE.findall(text) if language in ("python", "py")]
            for code in shown + BLOCK.findall(text):
                if ">>>" not in code:
                    self.assertTrue(any(code in file for file in files), f"{path}:\n{code}")

    def test_example_files_are_run(self) -> None:
        """Each file in docs/examples is named in the tests that run them."""
        examples = {path.name for path in (sources.ROOT / "docs/examples").glob("*.*")}
        runners = (sources.ROOT / "tests/real").glob("test_real_*.py")
        text = "".join(path.read_text("utf-8") for path in runners)
        self.assertEqual({name for name in examples if name not in text}, set())

    def test_reference_is_complete(self) -> None:
        """The API reference has an entry for each module that defines something public."""
        text = (sources.ROOT / "docs/api.rst").read_text("utf-8")
        listed = re.findall(r"^\.\. automodule:: (\S+)$", text, re.MULTILINE)
        modules = {
            sources.module_name(path)
            for path in sources.python_files("txresource")
            if path.name != "__init__.py" and sources.read(path).stated_all
        }
        self.assertEqual(len(listed), len(set(listed)))
        self.assertEqual(set(listed), modules)


class FaultPageTests(SynchronousTestCase):
    """docs/faults.rst."""

    def test_the_page_shows_the_table(self) -> None:
        """The page ends with the table that the tests run, word for word."""
        page = (sources.ROOT / "docs/faults.rst").read_text("utf-8")
        told = "say `python -m tests.real.faults.page` and put it there"
        self.assertTrue(page.endswith(render()), told)

    def test_every_fault_is_in_the_table_once(self) -> None:
        """No row is there twice, by its title or by its fault."""
        for names in ([row.title for row in rows()], [row.fault for row in rows()]):
            self.assertEqual(len(names), len(set(names)))
