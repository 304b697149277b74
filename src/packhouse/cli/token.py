"""`packhouse token`: personal access tokens for the management API."""

from datetime import datetime

import msgspec
import typer

from packhouse.cli.client import Api
from packhouse.cli.command import instant, with_api
from packhouse.cli.show import say, show

app = typer.Typer(help="Your personal access tokens.", no_args_is_help=True, add_completion=False)


class Token(msgspec.Struct):
    id: str
    prefix: str
    description: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


class _Created(msgspec.Struct):
    id: str
    token: str


@app.command("list")
@with_api
def list_tokens(api: Api) -> None:
    """List your tokens, newest first."""
    show(api, api.many("/tokens", kind=Token))


@app.command("create")
@with_api
def create_token(
    api: Api,
    *,
    description: str = typer.Argument(..., help="What it is for."),
    expires: str = typer.Option(None, help="Until when it works: a date or an instant."),
) -> None:
    """Make a token; it is shown this once."""
    body = {"description": description, "expires_at": instant(expires)}
    show(api, api.one("POST", "/tokens", kind=_Created, body=body))
    say("Keep it now: it is not shown again.")


@app.command("revoke")
@with_api
def revoke_token(api: Api, *, token_id: str = typer.Argument(..., metavar="TOKEN", help="Its id.")) -> None:
    """Revoke a token."""
    show(api, api.one("DELETE", f"/tokens/{token_id}", kind=Token))
