"""`packhouse key`: keys."""

from datetime import datetime
from typing import Annotated

import msgspec
import typer
from msgspec import Meta

from packhouse.cli.client import Api
from packhouse.cli.command import Options, instant, with_api
from packhouse.cli.show import say, show, show_json

app = typer.Typer(help="Keys, which applications use.", no_args_is_help=True, add_completion=False)

RESOURCE = typer.Argument(..., help="The resource's id (res_…).")
KEY = typer.Argument(..., help="The key's id (key_…).")


class Opening(msgspec.Struct):
    resource_id: str
    type: str
    derived: bool

    def __str__(self) -> str:
        return f"{self.resource_id} ({self.type})"


class Key(msgspec.Struct):
    id: str
    prefix: str
    description: str
    state: str
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    openings: list[Opening]


class NewKey(Options, frozen=True):
    description: Annotated[str, Meta(description="What it is for.")] = ""
    expires: Annotated[str | None, Meta(description="Until when it works: a date or an instant.")] = None
    open_to: Annotated[tuple[str, ...], Meta(description="A further resource that it opens; may be repeated.")] = ()


class _Created(msgspec.Struct):
    id: str
    key: str
    connection_string: str


@app.command("list")
@with_api
def list_keys(api: Api, *, resource: str = RESOURCE) -> None:
    """List every key that opens a resource."""
    show(api, api.many(f"/resources/{resource}/keys", kind=Key))


@app.command("create")
@with_api
def create_key(api: Api, *, resource: str = RESOURCE, new: NewKey) -> None:
    """Make a key on a resource; it is shown this once."""
    body = {"description": new.description, "expires_at": instant(new.expires), "open_to": list(new.open_to)}
    reply = api.one("POST", f"/resources/{resource}/keys", kind=_Created, body=body)
    if api.json:
        show_json(reply.raw)
        return
    show(api, reply)
    say("Keep it now: it is not shown again. A connector needs the connection string, other clients the key.")


@app.command("open")
@with_api
def open_key(api: Api, *, key: str = KEY, resource: str = RESOURCE) -> None:
    """Open a key to a further resource."""
    show(api, api.one("PUT", f"/keys/{key}/openings/{resource}", kind=Key))


@app.command("shut")
@with_api
def shut_key(api: Api, *, key: str = KEY, resource: str = RESOURCE) -> None:
    """Shut a resource to a key."""
    show(api, api.one("DELETE", f"/keys/{key}/openings/{resource}", kind=Key))


@app.command("revoke")
@with_api
def revoke_key(api: Api, *, key: str = KEY) -> None:
    """Revoke a key, for good."""
    show(api, api.one("DELETE", f"/keys/{key}", kind=Key))
