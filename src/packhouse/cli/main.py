"""The `packhouse` command."""

import sys

import typer

from packhouse.cli.demo import demo
from packhouse.cli.serve import serve
from packhouse.domain.errors import Refused

app = typer.Typer(
    name="packhouse",
    help="Self-hosted GenAI resource packs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve)
app.command("demo")(demo)


def main() -> None:
    """Ends with 1 after a refusal, whose sentence goes to standard error."""
    try:
        app()
    except Refused as refused:
        sys.stderr.write(f"packhouse: {refused.message}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
