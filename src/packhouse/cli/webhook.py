"""`packhouse webhook`: where a company is told of alerts."""

import time
from datetime import datetime
from typing import Annotated

import msgspec
import typer
from msgspec import Meta

from packhouse.cli.client import Api, Reply
from packhouse.cli.command import Options, with_api
from packhouse.cli.ending import REFUSED, Ended
from packhouse.cli.show import say, show, show_json

app = typer.Typer(help="Webhooks, which are told of alerts.", no_args_is_help=True, add_completion=False)

COMPANY = typer.Option(None, help="The company (default: your own).")
WEBHOOK = typer.Argument(..., help="The webhook's id (whk_…).")
POLL_SECONDS = 0.5


class Webhook(msgspec.Struct):
    id: str
    url: str
    description: str
    enabled: bool
    disabled_reason: str
    created_at: datetime


class Delivery(msgspec.Struct):
    id: str
    alert_id: str | None
    state: str
    attempts: int
    error: str
    created_at: datetime
    next_at: datetime
    ended_at: datetime | None


class Changes(Options, frozen=True):
    address: Annotated[str | None, Meta(description="Another URL.")] = None
    description: Annotated[str | None, Meta(description="Another description.")] = None
    enabled: Annotated[bool | None, Meta(description="Whether it is told of alerts.")] = None


class _Secret(msgspec.Struct):
    id: str
    secret: str


class _Deliveries(msgspec.Struct):
    deliveries: list[Delivery]


@app.command("list")
@with_api
def list_webhooks(api: Api, *, company: str | None = COMPANY) -> None:
    """List a company's webhooks."""
    show(api, api.many(f"/companies/{api.company(company)}/webhooks", kind=Webhook))


@app.command("add")
@with_api
def add_webhook(
    api: Api,
    *,
    address: str = typer.Argument(..., help="The URL that alerts are posted to."),
    description: str = typer.Option("", help="What it is called."),
    company: str | None = COMPANY,
) -> None:
    """Add a webhook; its secret is shown this once."""
    body = {"url": address, "description": description}
    _show_secret(api, api.one("POST", f"/companies/{api.company(company)}/webhooks", kind=_Secret, body=body))


@app.command("change")
@with_api
def change_webhook(api: Api, *, webhook: str = WEBHOOK, changes: Changes) -> None:
    """Change, enable or disable a webhook."""
    body = {"url": changes.address, "description": changes.description, "enabled": changes.enabled}
    show(api, api.one("PATCH", f"/webhooks/{webhook}", kind=Webhook, body=body))


@app.command("rotate")
@with_api
def rotate_webhook(api: Api, *, webhook: str = WEBHOOK) -> None:
    """Make a new secret; the one before signs too for 24 hours."""
    _show_secret(api, api.one("POST", f"/webhooks/{webhook}/rotation", kind=_Secret))


@app.command("remove")
@with_api
def remove_webhook(api: Api, *, webhook: str = WEBHOOK) -> None:
    """Remove a webhook."""
    api.send("DELETE", f"/webhooks/{webhook}")
    say("Removed.")


@app.command("test")
@with_api
def try_webhook(
    api: Api, *, webhook: str = WEBHOOK, wait_seconds: float = typer.Option(20.0, help="How long to wait for it.")
) -> None:
    """Send a trial message, and show what came of it. Ends with 1 where it was not delivered."""
    sent = api.one("POST", f"/webhooks/{webhook}/test", kind=Delivery).value
    until = time.monotonic() + wait_seconds
    while sent.ended_at is None and not sent.error and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
        found = api.one("GET", f"/webhooks/{webhook}/deliveries", kind=_Deliveries).value.deliveries
        sent = next((each for each in found if each.id == sent.id), sent)
    show(api, Reply(msgspec.json.encode(sent), sent))
    if sent.state != "delivered":
        raise Ended(f"Not delivered: {sent.error or 'no worker has sent it yet'}.", REFUSED)


@app.command("deliveries")
@with_api
def list_deliveries(api: Api, *, webhook: str = WEBHOOK) -> None:
    """List what was sent to a webhook, newest first."""
    show(api, api.many(f"/webhooks/{webhook}/deliveries", kind=Delivery))


def _show_secret(api: Api, reply: Reply[_Secret]) -> None:
    if api.json:
        show_json(reply.raw)
        return
    show(api, reply)
    say("Keep the secret now: it is not shown again. The receiver checks signatures with it.")
