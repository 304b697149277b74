"""`packhouse company`: companies."""

from datetime import datetime
from typing import Annotated

import msgspec
import typer
from msgspec import Meta

from packhouse.cli.client import Api
from packhouse.cli.command import Options, with_api
from packhouse.cli.show import show

app = typer.Typer(help="Companies.", no_args_is_help=True, add_completion=False)


class Company(msgspec.Struct):
    id: str
    name: str
    self_service: bool
    external_invitations: bool
    created_at: datetime


class Changes(Options, frozen=True):
    name: Annotated[str | None, Meta(description="Another name.")] = None
    self_service: Annotated[bool | None, Meta(description="Whether its admins may provision.")] = None
    external_invitations: Annotated[bool | None, Meta(description="Whether people from outside may be invited.")] = None


@app.command("list")
@with_api
def list_companies(api: Api) -> None:
    """List the companies that you may see."""
    show(api, api.many("/companies", kind=Company))


@app.command("create")
@with_api
def create_company(
    api: Api,
    *,
    name: str = typer.Argument(..., help="Its name."),
    self_service: bool = typer.Option(True, help="Whether its admins may provision by themselves."),
) -> None:
    """Create a company."""
    body = {"name": name, "self_service": self_service}
    show(api, api.one("POST", "/companies", kind=Company, body=body))


@app.command("show")
@with_api
def show_company(api: Api, *, company: str = typer.Argument(..., help="Its id (com_…).")) -> None:
    """Show a company."""
    show(api, api.one("GET", f"/companies/{company}", kind=Company))


@app.command("change")
@with_api
def change_company(api: Api, *, company: str = typer.Argument(..., help="Its id (com_…)."), changes: Changes) -> None:
    """Rename a company, or change what it may do."""
    show(api, api.one("PATCH", f"/companies/{company}", kind=Company, body=changes))
