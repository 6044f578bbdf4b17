"""The structure of the source, as CONTRIBUTING.md describes it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests import sources

#: The parts of the house: a name, and the modules and packages directly below
#: txresource that make it up. A new module gets its place here.
PARTS: dict[str, set[str]] = {
    "arguments": {"arguments"},
    "ground": {"errors", "interfaces", "sites", "tcpinfo"},
    "weak": {"weak"},
    "failures": {"failures"},
    "scope": {
        "closing",
        "ending",
        "lingering",
        "outcome",
        "owning",
        "places",
        "progress",
        "registry",
        "root",
        "scope",
        "scopeservice",
        "tasks",
        "tree",
        "treetext",
        "waiting",
    },
    "closers": {"closers"},
    "mixins": {"connections", "factories", "hooks", "limits", "policies", "services"},
    "http": {"http"},
    "heap": {"heap"},
    "leaks": {"leaks"},
    "surfaces": {"surfaces"},
    "testing": {"testing"},
    "care": {"care", "exiting", "intercept", "notify", "signals"},
    "demo": {"demo"},
    "tap": {"files", "tap"},
    "cli": {"cli", "__main__"},
    "front": {""},
}

#: What each part may import of the others: this is the picture of the house.
LIFETIME = {"arguments", "ground", "weak", "failures", "scope", "closers"}
SIGHT = {"arguments", "ground", "weak", "failures", "heap", "leaks"}
USES: dict[str, set[str]] = {
    "arguments": set(),
    "ground": set(),
    "weak": {"arguments"},
    "failures": set(),
    "scope": {"arguments", "ground", "weak", "failures"},
    "closers": {"arguments", "ground", "weak", "failures", "scope"},
    "mixins": LIFETIME,
    "http": LIFETIME,
    "heap": set(),
    "leaks": {"arguments", "ground", "weak", "failures", "heap"},
    "surfaces": SIGHT,
    "testing": LIFETIME | SIGHT | {"mixins", "http"},
    "care": LIFETIME | SIGHT | {"mixins", "surfaces"},
    "demo": LIFETIME | {"mixins"},
    "tap": LIFETIME | SIGHT | {"mixins", "surfaces", "care", "demo"},
    "cli": SIGHT,
    "front": LIFETIME | {"mixins", "care"},
}

#: Words that say nothing about what a class does, or that twisted.web has taken.
EMPTY_NAMES = ("Manager", "Handler")


def part_of(module: str) -> str:
    """
    Return the part of the house that a module belongs to.

    :raises LookupError: the module has no place in ``PARTS``.
    """
    below = module.partition(".")[2].partition(".")[0]
    for part, modules in PARTS.items():
        if below in modules:
            return part
    raise LookupError(f"{module} has no place in PARTS, in {__file__}")


def ours(*folders: str) -> list[Path]:
    """List our files; that there are some keeps a test from passing over nothing."""
    files = sources.python_files(*folders)
    assert files, folders
    return files


class LayerTests(SynchronousTestCase):
    """Imports point one way."""

    def test_every_module_has_its_place(self) -> None:
        """Each module and package of txresource belongs to one part of the house."""
        for path in ours("txresource"):
            part_of(sources.module_name(path))
        places = [module for modules in PARTS.values() for module in modules]
        self.assertEqual(len(places), len(set(places)))
        self.assertEqual(set(PARTS), set(USES))

    def test_table_has_no_cycle(self) -> None:
        """The table itself allows no two parts to import each other, at any distance."""
        done: set[str] = set()
        while rest := set(USES) - done:
            free = {part for part in rest if not (USES[part] & set(USES)) - done}
            self.assertTrue(free, f"a cycle among {sorted(rest)}")
            done |= free

    def test_imports_follow_the_table(self) -> None:
        """No module imports a part of txresource that its own part may not use."""
        wrong = []
        for path in ours("txresource"):
            module = sources.module_name(path)
            part = part_of(module)
            used = {
                name for name in sources.read(path).imports if f"{name}.".startswith("txresource.")
            }
            wrong += [
                f"{module} imports {name}"
                for name in used
                if part_of(name) not in USES[part] | {part}
            ]
        self.assertEqual(wrong, [])

    def test_facade_is_for_users(self) -> None:
        """No module of txresource imports from the package's own front."""
        wrong = [
            str(path) for path in ours("txresource") if sources.read(path).imports & {"txresource"}
        ]
        self.assertEqual(wrong, [])

    def test_heap_stands_alone(self) -> None:
        """The heap pass imports the standard library, Pympler and itself, nothing else."""
        allowed = {*sys.stdlib_module_names, "pympler"}
        wrong = {
            name
            for path in ours("txresource/heap")
            for name in sources.read(path).imports
            if name.partition(".")[0] not in allowed
            and not f"{name}.".startswith("txresource.heap.")
        }
        self.assertEqual(wrong, set())

    def test_plugin_imports_twisted_alone(self) -> None:
        """The file that Twisted imports in every program imports nothing but Twisted."""
        names = {n for path in ours("twisted/plugins") for n in sources.read(path).imports}
        self.assertEqual({n.partition(".")[0] for n in names} - {"twisted", "__future__"}, set())

    def test_no_reactor_when_imported(self) -> None:
        """Importing txresource installs no reactor: it is a parameter everywhere."""
        wrong = []
        for path in ours("txresource", "twisted/plugins"):
            for text in sources.read(path).import_lines:
                if (
                    "twisted.internet.reactor" in text
                    or text == "from twisted.internet import reactor"
                ):
                    wrong.append(str(path))
        self.assertEqual(wrong, [])

    def test_import_is_light(self) -> None:
        """Importing txresource loads neither treq nor a reactor, nor what few programs use."""
        heavy = {"treq", "twisted.internet.reactor", "twisted.web", "twisted.enterprise"}
        heavy |= {"autobahn", "h2", "hyperframe", "klein"}
        code = f"import sys, txresource\nprint({heavy} & set(sys.modules) or 'light')"
        out = subprocess.run(
            [sys.executable, "-c", code],
            cwd=sources.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(out.stdout.strip(), "light", out.stderr)


class ConventionTests(SynchronousTestCase):
    """What is public, and how it is called."""

    def test_all_is_what_is_defined(self) -> None:
        """``__all__`` is a sorted tuple of the names without underscore that a module defines."""
        wrong = []
        for path in ours("txresource"):
            source = sources.read(path)
            # "log" is how Twisted's own modules, too, call what they log through.
            expected = tuple(sorted(source.defined - {"log"}))
            if path.name != "__init__.py" and source.stated_all != expected:
                wrong.append(f"{path}: should be {expected}")
        if wrong:
            self.fail("\n".join(wrong))

    def test_fronts_import_and_list(self) -> None:
        """A package's ``__init__`` imports, lists all that it imports, and does nothing else."""
        for path in ours("txresource"):
            if path.name == "__init__.py":
                source = sources.read(path)
                self.assertLessEqual(source.kinds, {ast.Import, ast.ImportFrom, ast.Assign}, path)
                self.assertEqual(source.defined, set(), path)
                self.assertEqual(source.stated_all, tuple(sorted(source.imported)), path)

    def test_class_names_say_something(self) -> None:
        """No class is called Resource, nor something's Manager or Handler."""
        names = {name for path in ours("txresource") for name in sources.read(path).classes}
        wrong = {name for name in names if name == "Resource" or name.endswith(EMPTY_NAMES)}
        self.assertEqual(wrong, set())

    def test_every_test_states_its_promise(self) -> None:
        """Each test's docstring says in a sentence what holds when it passes."""
        wrong = [
            f"{path.name}:{function.line} {function.name}"
            for path in ours("tests")
            for function in sources.read(path).functions
            if function.name.startswith("test_") and not function.docstring
        ]
        self.assertEqual(wrong, [])

    def test_folders_of_tests_are_packages(self) -> None:
        """Each folder that holds a test module has an ``__init__``, else trial passes it over."""
        folders = {path.parent for path in ours("tests") if path.name.startswith("test_")}
        self.assertEqual({f for f in folders if not (f / "__init__.py").exists()}, set())

    def test_real_reactor_in_real_tests(self) -> None:
        """Only the modules ``tests/real/test_real_*`` may import the real reactor."""
        wrong = [
            path.name
            for path in ours("tests/unit")
            if "reactor" in sources.read(path).from_internet
        ]
        named = [p.name for p in (sources.ROOT / "tests/real").glob("test_*.py")]
        wrong += [name for name in named if not name.startswith("test_real_")]
        self.assertEqual(wrong, [])


class ShapeTests(SynchronousTestCase):
    """Files and functions stay small."""

    def test_files(self) -> None:
        """No file of code, tests or benchmarks is longer than 400 lines."""
        files = ours("txresource", "twisted", "tests", "benchmarks", ".ci")
        lengths = {str(path): len(path.read_text("utf-8").splitlines()) for path in files}
        self.assertEqual({path: n for path, n in lengths.items() if n > 400}, {})

    def test_functions(self) -> None:
        """No function is longer than 60 lines."""
        long = {
            f"{path}:{function.line}"
            for path in ours("txresource", "twisted", "tests", "benchmarks", ".ci")
            for function in sources.read(path).functions
            if function.lines > 60
        }
        self.assertEqual(long, set())
