"""The knowledge base that a `packhouse kb` command works on, and how the connector's errors end it."""

from collections.abc import Callable, Iterator
from functools import wraps
from inspect import Parameter
from typing import Any

import msgspec
import typer

from packhouse.cli.command import as_command
from packhouse.cli.ending import REFUSED, UNREACHABLE, WRONG_CALL, Ended
from packhouse.cli.show import show_json
from packhouse_connector import ConnectionFailed, InvalidConnectionString, KnowledgeBase, Packhouse, PackhouseError

_KEYWORD = Parameter.KEYWORD_ONLY


class Base(msgspec.Struct):
    """`json`: the answer is for a program."""

    knowledge: KnowledgeBase
    json: bool

    def print_json(self, value: object) -> None:
        show_json(msgspec.json.encode(value))


def with_base(command: Callable[..., None]) -> Callable[..., None]:
    """The command with `--connection`, `--base` and `--json` instead of its first parameter."""
    return as_command(_ended(command), instead=list(_where()), first=_ended(_base))


def filter_of(text: str | None) -> Any:
    """A filter as it is written on the command line: JSON. Ended: a wrong call."""
    if text is None:
        return {}
    try:
        return msgspec.json.decode(text.encode(), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Ended(f'--filter takes a JSON object such as {{"lang": "en"}}: {error}.', WRONG_CALL) from error


def _base(given: dict[str, Any]) -> Base:
    packhouse = Packhouse(given.pop("connection"))
    base = given.pop("base")
    return Base(packhouse.knowledge_base(base) if base else packhouse.knowledge, given.pop("json"))


def _ended(step: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(step)
    def translated(*args: Any, **kwargs: Any) -> Any:
        try:
            return step(*args, **kwargs)
        except InvalidConnectionString as error:
            raise Ended(error.message, WRONG_CALL) from error
        except ConnectionFailed as error:
            raise Ended(error.message, UNREACHABLE) from error
        except PackhouseError as error:
            raise Ended(f"{error.message} [{error.code}]", REFUSED) from error

    return translated


def _where() -> Iterator[Parameter]:
    connection = typer.Option(
        None, "--connection", envvar="PACKHOUSE_CONNECTION_STRING", help="A connection string (phk_…@https://…)."
    )
    base = typer.Option(None, "--base", help="One of several knowledge bases that the key opens (res_…).")
    json = typer.Option(False, "--json", help="Print the answer as JSON.")
    yield Parameter("connection", _KEYWORD, default=connection, annotation=str | None)
    yield Parameter("base", _KEYWORD, default=base, annotation=str | None)
    yield Parameter("json", _KEYWORD, default=json, annotation=bool)
