"""`packhouse resource`: resource packs from provisioning to their end."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
import typer
from msgspec import Meta

from packhouse.cli.client import Api
from packhouse.cli.command import Options, with_api
from packhouse.cli.provision import provision
from packhouse.cli.show import show

app = typer.Typer(help="Resource packs.", no_args_is_help=True, add_completion=False)
app.command("provision")(provision)

RESOURCE = typer.Argument(..., help="Its id (res_…).")


class Scheduled(msgspec.Struct):
    change: str
    effective_at: datetime
    plan: str | None

    def __str__(self) -> str:
        what = f"{self.change} to {self.plan}" if self.plan else self.change
        return f"{what} at {self.effective_at:%Y-%m-%d %H:%M} UTC"


class Status(msgspec.Struct):
    state: str
    scheduled: Scheduled | None
    suspensions: list[str]

    def __str__(self) -> str:
        parts = [self.state, *(f"suspended ({reason})" for reason in self.suspensions)]
        return ", ".join([*parts, str(self.scheduled)] if self.scheduled else parts)


class Row(msgspec.Struct):
    """A line of the list."""

    id: str
    display_name: str
    type: str
    status: Status
    model: str
    plan: str
    environment: str
    region: str
    created_for_name: str


class Month(msgspec.Struct):
    start_at: datetime
    end_at: datetime

    def __str__(self) -> str:
        return f"{self.start_at:%Y-%m-%d %H:%M} to {self.end_at:%Y-%m-%d %H:%M} UTC"


class Resource(msgspec.Struct):
    id: str
    company_id: str
    display_name: str
    type: str
    status: Status
    model: str
    fallback_model: str
    models: list[str]
    plan: str
    environment: str
    region: str
    cri: bool
    created_for_name: str
    created_for_email: str
    embeddings_resource_id: str | None
    linked: list[str]
    month: Month | None
    created_at: datetime
    notices: list[str]


class Changes(Options, frozen=True):
    name: Annotated[str | None, Meta(description="Another display name.")] = None
    environment: Annotated[Literal["test", "acceptance", "production"] | None, Meta(description="Another one.")] = None
    model: Annotated[str | None, Meta(description="Another model of the same family.")] = None
    fallback: Annotated[
        str | None, Meta(description="The model that answers where the provider fails; `none` for none.")
    ] = None


@app.command("list")
@with_api
def list_resources(
    api: Api,
    *,
    company: str = typer.Option(None, help="Those of this company (default: your own)."),
    mine: bool = typer.Option(False, "--mine", help="Those whose team you are in."),
) -> None:
    """List resources."""
    path = "/resources" if mine else f"/companies/{api.company(company)}/resources"
    show(api, api.many(path, kind=Row))


@app.command("show")
@with_api
def show_resource(api: Api, *, resource: str = RESOURCE) -> None:
    """Show a resource."""
    show(api, api.one("GET", f"/resources/{resource}", kind=Resource))


@app.command("change")
@with_api
def change_resource(api: Api, *, resource: str = RESOURCE, changes: Changes) -> None:
    """Change a resource's display name, environment or models."""
    body = {
        "display_name": changes.name,
        "environment": changes.environment,
        "model": changes.model,
        "fallback_model": "" if changes.fallback == "none" else changes.fallback,
    }
    show(api, api.one("PATCH", f"/resources/{resource}", kind=Resource, body=body))


@app.command("plan")
@with_api
def adjust_plan(api: Api, *, resource: str = RESOURCE, plan: str = typer.Argument(..., help="S, M or L.")) -> None:
    """Adjust the plan: up at once, down with the next bundle month."""
    show(api, api.one("PUT", f"/resources/{resource}/plan", kind=Resource, body={"plan": plan}))


@app.command("deprovision")
@with_api
def deprovision(api: Api, *, resource: str = RESOURCE) -> None:
    """Schedule the end of a resource: the end of its running bundle month."""
    show(api, api.one("POST", f"/resources/{resource}/deprovision", kind=Resource))


@app.command("cancel")
@with_api
def cancel_scheduled(api: Api, *, resource: str = RESOURCE) -> None:
    """Cancel the scheduled deprovisioning or downgrade."""
    show(api, api.one("DELETE", f"/resources/{resource}/scheduled", kind=Resource))
