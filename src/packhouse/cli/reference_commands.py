"""The reference's page on the command line, made from the commands themselves."""

from collections.abc import Iterator

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from packhouse.cli.main import app_of
from packhouse.cli.reference_page import page, table
from packhouse.settings import SETTINGS


def commands() -> str:
    intro = "What `packhouse --help` says, on one page."
    return page("Commands", intro, *(part for name, command in every_command() for part in _command(name, command)))


def every_command() -> Iterator[tuple[str, TyperCommand]]:
    """Each command that does something, with all the words that call it."""
    yield from _below("packhouse", get_command(app_of(())))


def _below(name: str, command: object) -> Iterator[tuple[str, TyperCommand]]:
    if isinstance(command, TyperCommand) and not command.hidden:
        yield name, command
    elif isinstance(command, TyperGroup) and not command.hidden:
        for word, inner in sorted(command.commands.items()):
            yield from _below(f"{name} {word}", inner)


def _command(name: str, command: TyperCommand) -> Iterator[str]:
    settings = {setting.name for setting in SETTINGS}
    given = [it for it in command.params if it.name not in settings and it.name != "help"]
    arguments = "".join(_argument(it) for it in given if isinstance(it, TyperArgument))
    yield f"## `{name}{arguments}`"
    yield (command.help or "").strip()
    if any(it.name in settings for it in command.params):
        yield "Every [setting](settings.md) is an option."
    options = [it for it in given if isinstance(it, TyperOption)]
    if options:
        yield table(("Option", "Meaning"), ((_names(it), it.help or "") for it in options))


def _names(option: TyperOption) -> str:
    return ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))


def _argument(argument: TyperArgument) -> str:
    name = (argument.name or "").upper()
    return f" {name}" if argument.required else f" [{name}]"
