"""What the commands have in common: where the API is, who asks, and how answers are printed.

A command takes an `Api` first. A parameter whose type is a struct stands for an option a field, with the field's
description as its help.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints

import msgspec
import typer
from msgspec import Meta

from packhouse.cli.client import Api
from packhouse.cli.login_file import stored

DEFAULT_URL = "http://127.0.0.1:8711"
_KEYWORD = Parameter.KEYWORD_ONLY


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Fields are options: `Annotated[type, Meta(description=help, extra={"envvar": name})]`."""


def with_api(command: Callable[..., None]) -> Callable[..., None]:
    """The command with `--url`, `--token` and `--json` instead of its first parameter."""
    return as_command(command, instead=list(_where()), first=_api)


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with its structs as options, and nothing else changed."""
    return as_command(command)


def as_command(
    command: Callable[..., None],
    *,
    instead: Sequence[Parameter] = (),
    first: Callable[[dict[str, Any]], object] | None = None,
) -> Callable[..., None]:
    """The command as typer takes it. `first` makes its first parameter of the options `instead`, which it pops."""
    own = list(signature(command).parameters.values())[1 if first else 0 :]
    structs = {each.name: each.annotation for each in own if _is_options(each.annotation)}

    def wrapped(**given: Any) -> None:
        made = [first(given)] if first else []
        expanded = {name: _taken(kind, given) for name, kind in structs.items()}
        command(*made, **given, **expanded)

    return _presented(wrapped, command, parameters=[*_expanded(own), *instead])


def connect(url: str | None, token: str | None, *, json: bool = False) -> Api:
    """What is not given is what `packhouse login` stored; its token goes to its own URL only."""
    login = stored()
    at = (url or (login.url if login else DEFAULT_URL)).rstrip("/")
    if token is None and login is not None and login.url == at:
        token = login.token
    return Api(at, token or "", json=json)


def instant(text: str | None) -> str | None:
    """A date, or an instant in ISO 8601 (UTC where it has no offset), as the API takes it. Wrong: a usage error."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no date or instant such as 2027-01-31 or 2027-01-31T10:00Z.") from error
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


def _is_options(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Options)


def _taken(kind: type[Any], given: dict[str, Any]) -> Any:
    """The struct of its options, which leave `given`."""
    return kind(**{field.name: given.pop(field.name) for field in msgspec.structs.fields(kind)})


def _expanded(parameters: list[Parameter]) -> Iterator[Parameter]:
    for each in parameters:
        if _is_options(each.annotation):
            yield from _options(each.annotation)
        else:
            yield each.replace(kind=_KEYWORD)


def _options(kind: type[Options]) -> Iterator[Parameter]:
    hints, types = get_type_hints(kind, include_extras=True), get_type_hints(kind)
    for field in msgspec.structs.fields(kind):
        metas = [meta for meta in getattr(hints[field.name], "__metadata__", ()) if isinstance(meta, Meta)]
        help_ = next((meta.description for meta in metas if meta.description), None)
        default = ... if field.required else field.default
        flag = "--" + field.name.rstrip("_").replace("_", "-")
        flags = f"{flag}/--no-{flag.removeprefix('--')}" if _has_no(types[field.name], field.default) else flag
        variable = next((meta.extra["envvar"] for meta in metas if meta.extra), None)
        option = typer.Option(
            default, flags, envvar=variable, help=help_, show_default=default not in (..., None, "", (), False)
        )
        yield Parameter(field.name, _KEYWORD, default=option, annotation=_plain(types[field.name]))


def _has_no(type_: object, default: object) -> bool:
    """Whether a switch needs a second flag that says no."""
    return type_ == bool | None or (type_ is bool and default is True)


def _plain(type_: Any) -> Any:
    return list[str] if type_ == tuple[str, ...] else type_


def _api(given: dict[str, Any]) -> Api:
    return connect(given.pop("url"), given.pop("token"), json=given.pop("json"))


def _where() -> Iterator[Parameter]:
    url = typer.Option(None, "--url", envvar="PACKHOUSE_URL", help="Where Packhouse's management API is.")
    token = typer.Option(None, "--token", envvar="PACKHOUSE_TOKEN", help="A personal access token (php_…).")
    json = typer.Option(False, "--json", help="Print the API's answer as JSON.")
    yield Parameter("url", _KEYWORD, default=url, annotation=str | None)
    yield Parameter("token", _KEYWORD, default=token, annotation=str | None)
    yield Parameter("json", _KEYWORD, default=json, annotation=bool)


def _presented(
    wrapped: Callable[..., None], command: Callable[..., None], *, parameters: list[Parameter]
) -> Callable[..., None]:
    wrapped.__name__ = command.__name__
    wrapped.__doc__ = command.__doc__
    wrapped.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {each.name: each.annotation for each in parameters}
    return wrapped
