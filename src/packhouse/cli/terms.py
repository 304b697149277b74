"""`packhouse terms`: third-party terms."""

from datetime import datetime

import msgspec
import typer

from packhouse.cli import ask
from packhouse.cli.client import Api
from packhouse.cli.command import with_api
from packhouse.cli.ending import REFUSED, Ended
from packhouse.cli.show import say, show

app = typer.Typer(help="Third-party terms.", no_args_is_help=True, add_completion=False)

COMPANY = typer.Option(None, help="The company (default: your own).")


class Terms(msgspec.Struct):
    id: str
    name: str
    version: str
    state: str
    accepted_version: str | None
    accepted_at: datetime | None
    link: str


@app.command("list")
@with_api
def list_terms(api: Api, *, company: str = COMPANY) -> None:
    """List third-party terms and where a company stands with them."""
    show(api, api.many(f"/companies/{api.company(company)}/terms", kind=Terms))


@app.command("accept")
@with_api
def accept_terms(
    api: Api,
    *,
    terms: str = typer.Argument(..., help="Their id, as `packhouse terms list` shows it."),
    version: str | None = typer.Option(None, help="The version that was read; asked for if left out."),
    company: str = COMPANY,
) -> None:
    """Accept terms for the company."""
    path = f"/companies/{api.company(company)}/terms"
    if version is None:
        version = _read(api, path, terms_id=terms)
    show(api, api.one("POST", f"{path}/{terms}/acceptance", kind=Terms, body={"version": version}))


def _read(api: Api, path: str, *, terms_id: str) -> str:
    """The current version, after it was shown where to read it and confirmed."""
    found = next((one for one in api.many(path, kind=Terms).value if one.id == terms_id), None)
    if found is None:
        raise Ended(f"There are no terms {terms_id!r}; `packhouse terms list` shows all.", REFUSED)
    say(f"{found.name}, version {found.version}: {found.link}")
    ask.confirm("Read, and accepted for the company?")
    return found.version
