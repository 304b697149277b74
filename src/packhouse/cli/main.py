"""The `packhouse` command. Each group of commands is loaded when it is called for: `serve` must start fast."""

import importlib
import sys
from collections.abc import Sequence

import typer

from packhouse.domain.errors import Refused

GROUPS: dict[str, str] = {
    "serve": "packhouse.cli.serve",
    "demo": "packhouse.cli.demo",
}
"""The first word of a command, and the module whose `register(app)` adds it."""


def app_of(words: Sequence[str]) -> typer.Typer:
    """The application with the commands that the words may mean: one group, or all of them for help."""
    app = typer.Typer(
        name="packhouse",
        help="Self-hosted GenAI resource packs: quotas of model tokens and knowledge bases, with one key.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    first = words[0] if words else ""
    for module in sorted({GROUPS[first]} if first in GROUPS else set(GROUPS.values())):
        importlib.import_module(module).register(app)
    return app


def _root() -> None:
    """Commands are in groups; `packhouse GROUP --help` shows one."""


def main() -> None:
    """Ends with 1 after a refusal, whose sentence goes to standard error."""
    try:
        app_of(sys.argv[1:])()
    except Refused as refused:
        sys.stderr.write(f"packhouse: {refused.message}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
