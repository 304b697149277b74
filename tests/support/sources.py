"""The project's own Python sources, read and parsed once, for the tests that look at them."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.needs import ROOT

ROOTS = (ROOT / "src", ROOT / "connector" / "src")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Source:
    """A file: `path` relative to the repository, `module` as it is imported."""

    path: str
    module: str
    text: str
    tree: ast.Module

    def definitions(self) -> Iterator[tuple[str, Function | ast.ClassDef]]:
        """Every class and function with its qualified name, however deep."""
        yield from _definitions(self.tree, "")

    def functions(self) -> Iterator[tuple[str, Function]]:
        for name, node in self.definitions():
            if isinstance(node, Function):
                yield name, node


def _definitions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function | ast.ClassDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef):
            name = f"{prefix}{child.name}"
            yield name, child
            yield from _definitions(child, f"{name}.")
        else:
            yield from _definitions(child, prefix)


@cache
def sources() -> tuple[Source, ...]:
    """All Python files of the platform and of the connector."""
    return tuple(_read(root, file) for root in ROOTS for file in sorted(root.rglob("*.py")))


def _read(root: Path, file: Path) -> Source:
    text = file.read_text(encoding="utf-8")
    parts = file.relative_to(root).with_suffix("").parts
    module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    path = str(file.relative_to(ROOT))
    return Source(path, module, text, ast.parse(text, filename=path))


@cache
def tracked_files() -> tuple[str, ...]:
    """Paths that git knows, relative to the repository; empty where this is no git checkout."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    return tuple(path for path in done.stdout.split("\0") if path and (ROOT / path).is_file())


@cache
def tracked_text(path: str) -> str | None:
    """A tracked file's text; None where it is no text."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
