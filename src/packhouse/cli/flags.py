"""The settings as options of a command, made from the one list that declares them."""

from collections.abc import Callable
from inspect import Parameter, Signature, signature
from typing import Any

import typer

from packhouse.settings import SETTINGS, Setting


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for every setting; it gets those that were given as `flags`, by name.

    A setting of several values may be given several times, or with commas between them.
    """
    own = [each for each in signature(command).parameters.values() if each.name != "flags"]
    names = {setting.name for setting in SETTINGS}

    def wrapped(**given: Any) -> None:
        flags = {name: given.pop(name) for name in names if given.get(name) not in (None, [])}
        command(flags=flags, **{name: value for name, value in given.items() if name not in names})

    parameters = [*own, *(_option(setting) for setting in SETTINGS)]
    wrapped.__name__ = command.__name__
    wrapped.__doc__ = command.__doc__
    wrapped.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {each.name: each.annotation for each in parameters}
    return wrapped


def _option(setting: Setting) -> Parameter:
    shown = f"{setting.sentence} [{setting.variable}; default: {setting.default or 'not set'}]"
    return Parameter(
        setting.name,
        Parameter.KEYWORD_ONLY,
        default=typer.Option(None, setting.flag, help=shown, show_default=False),
        annotation=list[str] | None if setting.several else str | None,
    )
