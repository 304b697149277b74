"""`packhouse member`: the team of a resource."""

from datetime import datetime

import msgspec
import typer

from packhouse.cli.client import Api
from packhouse.cli.command import with_api
from packhouse.cli.show import say, show

app = typer.Typer(help="The team of a resource.", no_args_is_help=True, add_completion=False)

RESOURCE = typer.Argument(..., help="The resource's id (res_…).")


class Member(msgspec.Struct):
    user_id: str
    email: str
    name: str
    role: str
    external: bool
    added_at: datetime


@app.command("list")
@with_api
def list_members(api: Api, *, resource: str = RESOURCE) -> None:
    """List a resource's team."""
    show(api, api.many(f"/resources/{resource}/members", kind=Member))


@app.command("add")
@with_api
def add_member(
    api: Api, *, resource: str = RESOURCE, email: str = typer.Argument(..., help="A user of the company.")
) -> None:
    """Add a user of the company to the team."""
    show(api, api.one("POST", f"/resources/{resource}/members", kind=Member, body={"email": email}))


@app.command("remove")
@with_api
def remove_member(
    api: Api, *, resource: str = RESOURCE, user: str = typer.Argument(..., help="The user's id (usr_…).")
) -> None:
    """Remove a user from the team."""
    api.send("DELETE", f"/resources/{resource}/members/{user}")
    say("Removed.")
