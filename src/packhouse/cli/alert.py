"""`packhouse alert`: what was said of packs that near their limits, and to whom."""

from datetime import datetime

import msgspec
import typer

from packhouse.cli.client import Api, Reply
from packhouse.cli.command import with_api
from packhouse.cli.show import say, show, show_json

app = typer.Typer(help="Alerts of packs that near their limits.", no_args_is_help=True, add_completion=False)

COMPANY = typer.Option(None, help="All alerts of a company (default: your own).")


class Delivery(msgspec.Struct):
    id: str
    channel: str
    recipient: str
    state: str
    attempts: int
    error: str
    next_at: datetime
    ended_at: datetime | None

    def __str__(self) -> str:
        error = f": {self.error}" if self.error and self.state != "delivered" else ""
        return f"{self.recipient} {self.state}{error}"


class Alert(msgspec.Struct):
    """A line of the table."""

    raised_at: datetime
    resource_name: str
    resource_id: str
    meter: str
    kind: str
    percent: float
    told: bool
    runs_dry_at: datetime | None
    deliveries: list[Delivery]


class Sent(msgspec.Struct):
    """A line of the table of deliveries."""

    id: str
    raised_at: datetime
    resource_name: str
    meter: str
    kind: str
    recipient: str
    state: str
    attempts: int
    error: str
    next_at: datetime
    ended_at: datetime | None


class Muting(msgspec.Struct):
    resource: bool
    every: bool
    by_mail: bool


@app.command("list")
@with_api
def list_alerts(
    api: Api,
    *,
    resource: str | None = typer.Option(None, help="Those of one resource (res_…)."),
    company: str | None = COMPANY,
) -> None:
    """List alerts, newest first, with what became of each delivery."""
    show(api, _alerts(api, resource, company=company))


@app.command("deliveries")
@with_api
def list_deliveries(
    api: Api,
    *,
    resource: str | None = typer.Option(None, help="Those of one resource (res_…)."),
    company: str | None = COMPANY,
) -> None:
    """List the deliveries of alerts, newest alert first, with their ids."""
    reply = _alerts(api, resource, company=company)
    show(api, Reply(reply.raw, [_sent(alert, each) for alert in reply.value for each in alert.deliveries]))


@app.command("redeliver")
@with_api
def redeliver(api: Api, *, delivery: str = typer.Argument(..., help="The delivery's id (dlv_…).")) -> None:
    """Deliver what waits or has failed once more, at once."""
    show(api, api.one("POST", f"/deliveries/{delivery}/redelivery", kind=Delivery))


@app.command("mute")
@with_api
def mute(
    api: Api, *, resource: str | None = typer.Argument(None, help="The resource's id (res_…); left out: every one.")
) -> None:
    """Get no e-mail about a resource, or about any."""
    _mute(api, "PUT", resource=resource)


@app.command("unmute")
@with_api
def unmute(
    api: Api, *, resource: str | None = typer.Argument(None, help="The resource's id (res_…); left out: every one.")
) -> None:
    """Get e-mail again, about a resource or about all that are not muted by themselves."""
    _mute(api, "DELETE", resource=resource)


def _alerts(api: Api, resource: str | None, *, company: str | None) -> Reply[list[Alert]]:
    path = f"/resources/{resource}/alerts" if resource else f"/companies/{api.company(company)}/alerts"
    return api.many(path, kind=Alert)


def _mute(api: Api, method: str, *, resource: str | None) -> None:
    path = f"/resources/{resource}/alert-mute" if resource else "/me/alert-mute"
    reply = api.one(method, path, kind=Muting)
    if api.json:
        show_json(reply.raw)
        return
    say("Muted." if method == "PUT" else "E-mail comes again.")
    if not reply.value.by_mail:
        say("This installation sends no e-mail: its operator has named no mail server.")


def _sent(alert: Alert, delivery: Delivery) -> Sent:
    return Sent(
        delivery.id,
        alert.raised_at,
        alert.resource_name,
        alert.meter,
        alert.kind,
        delivery.recipient,
        delivery.state,
        delivery.attempts,
        delivery.error,
        delivery.next_at,
        delivery.ended_at,
    )
