"""The `packhouse` command."""

import sys

import typer

import packhouse
from packhouse.cli.ending import REFUSED, Ended
from packhouse.cli.verbs import Verbs
from packhouse.domain.errors import Refused

app = typer.Typer(
    name="packhouse",
    cls=Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"packhouse {packhouse.__version__}")
        raise typer.Exit


@app.callback()
def _packhouse(  # pyright: ignore[reportUnusedFunction] (typer calls it)
    *,
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Self-hosted GenAI resource packs."""


def main() -> None:
    """Ends with 1 after a refusal, 2 after a wrong call, 3 where the server is not reached; why is on stderr."""
    try:
        app()
    except Refused as refused:
        _end(refused.message, REFUSED)
    except Ended as ended:
        _end(ended.message, ended.exit_code)


def _end(message: str, exit_code: int) -> None:
    sys.stderr.write(message + "\n" if message.startswith("{") else f"packhouse: {message}\n")
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
