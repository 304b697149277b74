"""The reference's page on the command line, made from the commands themselves."""

from collections.abc import Iterable, Iterator

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from packhouse.cli.main import app
from packhouse.cli.reference_page import page, table
from packhouse.settings import SETTINGS

API = frozenset({"url", "token", "json"})
"""What every command has that is a client of the management API."""


def commands() -> str:
    found = dict(every_command())
    client = next(command for command in found.values() if _is_client(command))
    intro = "What `packhouse --help` says, on one page. Commands that are clients of the management API take:"
    parts = (part for name, command in found.items() for part in _command(name, command))
    return page("Commands", intro, _options(it for it in client.params if it.name in API), *parts)


def every_command() -> Iterator[tuple[str, TyperCommand]]:
    """Each command that does something, with all the words that call it."""
    yield from _below("packhouse", get_command(app))


def _below(name: str, command: object) -> Iterator[tuple[str, TyperCommand]]:
    if isinstance(command, TyperCommand) and not command.hidden:
        yield name, command
    elif isinstance(command, TyperGroup) and not command.hidden:
        for word, inner in sorted(command.commands.items()):
            yield from _below(f"{name} {word}", inner)


def _command(name: str, command: TyperCommand) -> Iterator[str]:
    settings = {setting.name for setting in SETTINGS}
    has_settings = any(it.name in settings for it in command.params)
    known = (settings if has_settings else set[str]()) | (API if _is_client(command) else set[str]())
    own = [it for it in command.params if it.name not in known and it.name != "help"]
    yield f"## `{name}{''.join(_argument(it) for it in own if isinstance(it, TyperArgument))}`"
    yield (command.help or "").strip()
    if has_settings:
        yield "Every [setting](settings.md) is an option."
    if _is_client(command):
        yield "A client of the management API."
    if any(isinstance(it, TyperOption) for it in own):
        yield _options(own)


def _is_client(command: TyperCommand) -> bool:
    return {it.name for it in command.params} >= API


def _options(parameters: Iterable[object]) -> str:
    rows = ((_names(it), it.help or "") for it in parameters if isinstance(it, TyperOption))
    return table(("Option", "Meaning"), rows)


def _names(option: TyperOption) -> str:
    return ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))


def _argument(argument: TyperArgument) -> str:
    name = (argument.name or "").upper()
    return f" {name}" if argument.required else f" [{name}]"
