"""The words that `packhouse` understands; what a word does is loaded when it is said.

`serve` starts without the libraries that the management commands need, and `--version` without any.
"""

import importlib
from collections.abc import Iterator, MutableMapping
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

VERBS: dict[str, str] = {
    "serve": "packhouse.cli.serve:serve",
    "demo": "packhouse.cli.demo:demo",
    "simulate": "packhouse.cli.simulate:simulate",
    "login": "packhouse.cli.login:login",
    "logout": "packhouse.cli.login:logout",
    "whoami": "packhouse.cli.login:whoami",
    "company": "packhouse.cli.company:app",
    "user": "packhouse.cli.user:app",
    "contract": "packhouse.cli.ledger:contracts",
    "grant": "packhouse.cli.ledger:grants",
    "balance": "packhouse.cli.ledger:balance",
    "transactions": "packhouse.cli.ledger:transactions",
    "catalog": "packhouse.cli.catalog:catalog",
    "terms": "packhouse.cli.terms:app",
    "resource": "packhouse.cli.resource:app",
    "member": "packhouse.cli.team:app",
    "key": "packhouse.cli.key:app",
    "usage": "packhouse.cli.usage:usage",
    "recount": "packhouse.cli.recount:recount",
    "alert": "packhouse.cli.alert:app",
    "webhook": "packhouse.cli.webhook:app",
    "activity": "packhouse.cli.activity:app",
    "token": "packhouse.cli.token:app",
    "kb": "packhouse.cli.kb:app",
}
"""Word: the module and the name in it of a function or of a `Typer` with words of its own."""


class Commands(MutableMapping[str, Any]):
    """Commands by their words, each loaded when it is looked up."""

    def __init__(self, places: dict[str, str]) -> None:
        self._places = places
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, word: str) -> Any:
        if word not in self._loaded:
            self._loaded[word] = _load(word, self._places[word])
        return self._loaded[word]

    def __setitem__(self, word: str, command: Any) -> None:
        self._places.setdefault(word, "")
        self._loaded[word] = command

    def __delitem__(self, word: str) -> None:
        del self._places[word]
        self._loaded.pop(word, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class Verbs(TyperGroup):
    """The group of all words."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Commands(dict(VERBS))


def _load(word: str, place: str) -> Any:
    module, _, name = place.partition(":")
    found = getattr(importlib.import_module(module), name)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False)
        single.command(word)(found)
        found = single
    command = get_command(found)
    command.name = word
    return command
