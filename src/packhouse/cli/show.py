"""Answers as a person reads them: a list as a table, one thing as a card; as JSON where that was asked for."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, cast

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from packhouse.cli.client import Api, Reply

PIPE_CHARACTERS = 1000


def show(api: Api, reply: Reply[Any]) -> None:
    """A list of structs or one; their fields are the columns."""
    if api.json:
        show_json(reply.raw)
    elif isinstance(reply.value, list):
        show_rows(cast("list[msgspec.Struct]", reply.value))
    else:
        show_card(reply.value)


def show_json(raw: bytes) -> None:
    sys.stdout.write(json.dumps(json.loads(raw), ensure_ascii=False, indent=2) + "\n" if raw else "{}\n")


def show_rows(rows: Sequence[msgspec.Struct], *, title: str = "", aside: bool = False) -> None:
    """`aside`: on standard error."""
    if not rows:
        print("Nothing yet.")
        return
    table = Table(title=escape(title) or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name in columns(rows[0]):
        value = getattr(rows[0], name)
        right = isinstance(value, int | float) and not isinstance(value, bool)
        table.add_column(words(name), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(text(getattr(row, name))) for name in columns(row)))
    console(aside=aside).print(table)


def show_card(value: msgspec.Struct) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name in columns(value):
        table.add_row(words(name), escape(text(getattr(value, name))))
    console().print(table)


def say(sentence: str) -> None:
    """Beside the answer, so that a pipe gets the answer alone."""
    print(sentence, file=sys.stderr)


def console(*, aside: bool = False) -> Console:
    """As wide as the terminal; in a pipe as wide as it takes."""
    width = None if (sys.stderr if aside else sys.stdout).isatty() else PIPE_CHARACTERS
    return Console(stderr=aside, width=width, highlight=False)


def columns(value: msgspec.Struct) -> tuple[str, ...]:
    return value.__struct_fields__


def words(name: str) -> str:
    return name.removesuffix("_at").replace("_", " ")


def text(value: object) -> str:
    """`-` for nothing, instants to the minute in UTC, numbers with thousands apart."""
    match value:
        case None | "" | () | []:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.1f}"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        case date():
            return value.isoformat()
        case list() | tuple():
            return ", ".join(text(item) for item in cast("Sequence[object]", value))
        case _:
            return str(value)
