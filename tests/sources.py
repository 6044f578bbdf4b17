"""Reads the project's own files for the tests that hold its structure."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

#: The folder that holds setup.cfg.
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method: where it begins, how many lines it has, what it promises."""

    name: str
    line: int
    lines: int
    docstring: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """
    What the tests ask of one file. Not its syntax tree: the trees of all files together are more
    objects than the rest of a test run, and tests that search the heap would go through them.

    :ivar imports: the modules it imports, as ``from a import b`` counting as ``a.b`` where that is ours.
    :ivar imported: the names that its imports bind.
    :ivar import_lines: its import statements, one that no function holds a line.
    :ivar from_internet: what it imports from ``twisted.internet`` by name, anywhere.
    :ivar defined: the names without underscore that it defines.
    :ivar stated_all: the value of its ``__all__``.
    :ivar kinds: the kinds of its statements behind the first.
    """

    imports: frozenset[str]
    imported: frozenset[str]
    import_lines: tuple[str, ...]
    from_internet: frozenset[str]
    defined: frozenset[str]
    stated_all: object
    kinds: frozenset[type[ast.stmt]]
    classes: tuple[str, ...]
    functions: tuple[Function, ...]


@cache
def read(path: Path) -> Source:
    """Read a file, once."""
    tree = ast.parse(path.read_text("utf-8"), str(path))
    everything, running = list(_statements(tree)), list(_statements(tree, running=True))
    statements = module_statements(tree.body)
    return Source(
        imports=frozenset(_imports_of(path, running)),
        imported=frozenset(_imported_names(tree)),
        import_lines=tuple(
            ast.unparse(node)
            for node in statements
            if isinstance(node, ast.Import | ast.ImportFrom)
        ),
        from_internet=frozenset(
            alias.name
            for node in everything
            if isinstance(node, ast.ImportFrom) and node.module == "twisted.internet"
            for alias in node.names
        ),
        defined=frozenset(_defined_names(tree)),
        stated_all=_stated_all(tree),
        kinds=frozenset(type(node) for node in tree.body[1:]),
        classes=tuple(node.name for node in everything if isinstance(node, ast.ClassDef)),
        functions=tuple(
            Function(node.name, node.lineno, _length(node), ast.get_docstring(node))
            for node in everything
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ),
    )


def _length(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def python_files(*folders: str) -> list[Path]:
    """
    List the Python files below some folders of the project.

    :param folders: paths from the project's root; one that is missing holds no files.
    """
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def module_name(path: Path) -> str:
    """Return the dotted name under which a file of the project is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def module_statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield what runs when a module is imported, out of its ``if`` and ``try`` blocks, too."""
    for statement in body:
        yield statement
        for block in ("body", "orelse", "finalbody"):
            if isinstance(statement, ast.If | ast.Try | ast.With):
                yield from module_statements(getattr(statement, block, ()))
        for handler in getattr(statement, "handlers", ()):
            yield from module_statements(handler.body)


def _defined_names(tree: ast.Module) -> set[str]:
    """Return the names without underscore that a module defines, as against imports."""
    names: set[str] = set()
    for node in module_statements(tree.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            inner = [name for target in targets for name in ast.walk(target)]
            names.update(
                n.id for n in inner if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            )
    return {name for name in names if not name.startswith("_")}


def _imported_names(tree: ast.Module) -> set[str]:
    """Return the names without underscore that a module's imports bind in it."""
    names = {
        (alias.asname or alias.name).partition(".")[0]
        for node in module_statements(tree.body)
        if isinstance(node, ast.Import | ast.ImportFrom)
        if not (isinstance(node, ast.ImportFrom) and node.module == "__future__")
        for alias in node.names
    }
    return {name for name in names if not name.startswith("_")}


def _stated_all(tree: ast.Module) -> object:
    """Return the value of ``__all__``, None where there is none or it is no literal."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            try:
                return ast.literal_eval(node.value)
            except ValueError:
                return None
    return None


def _imports_of(path: Path, running: Iterable[ast.AST]) -> set[str]:
    """
    Return the modules that a file imports, in functions, too, but not for the type checker alone.

    :param running: its statements, without those.
    :returns: dotted names; ``from a import b`` counts as ``a.b`` where that is a module of ours.
    """
    package = module_name(path if path.name == "__init__.py" else path.parent / "__init__.py")
    found: set[str] = set()
    for node in running:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            found.update(_target(base, alias.name) for alias in node.names)
    return found


def _statements(tree: ast.AST, *, running: bool = False) -> Iterator[ast.AST]:
    """
    Yield what stands in blocks, at any depth: what is in expressions is most, and nobody asks for it.

    :param running: not what is for the type checker alone.
    """
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        if running and block == "body" and _is_for_typing(tree):
            continue
        for node in getattr(tree, block, ()):
            yield node
            yield from _statements(node, running=running)


def _is_for_typing(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def _target(base: str, name: str) -> str:
    inner = ROOT.joinpath(*base.split("."), name)
    return f"{base}.{name}" if inner.is_dir() or inner.with_suffix(".py").is_file() else base
