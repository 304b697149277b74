"""`packhouse resource provision`: the specification first, then the pack."""

import uuid
from typing import Annotated, Literal

import msgspec
import typer
from msgspec import Meta

from packhouse.cli import ask
from packhouse.cli.client import Api
from packhouse.cli.command import Options, with_api
from packhouse.cli.show import say, show_json, show_rows

Pack = Literal["text_generation", "embeddings", "knowledge_base"]
Environment = Literal["test", "acceptance", "production"]

PACK = typer.Argument(..., help="What kind of pack.")


class OrderOptions(Options, frozen=True):
    region: Annotated[str, Meta(description="Where it is hosted.")] = "eu-central-1"
    plan: Annotated[str | None, Meta(description="S, M or L (default S); Standard for a knowledge base.")] = None
    model: Annotated[str, Meta(description="The model, as `packhouse catalog` names it.")] = ""
    environment: Annotated[Environment, Meta(description="What it is for.")] = "production"
    cri: Annotated[bool | None, Meta(description="Cross-region inference (default: on where offered).")] = None
    for_name: Annotated[str, Meta(description="The name of the person it is for.")] = ""
    for_email: Annotated[str, Meta(description="The e-mail address of the person it is for.")] = ""
    embeddings: Annotated[str | None, Meta(description="A knowledge base's embeddings resource (res_…).")] = None
    embeddings_model: Annotated[
        str | None, Meta(description="Or the model of an embeddings pack to make for it on the way.")
    ] = None
    embeddings_plan: Annotated[str, Meta(description="The plan of that embeddings pack.")] = "S"
    company: Annotated[str | None, Meta(description="For which company (default: your own).")] = None
    yes: Annotated[bool, Meta(description="Provision without asking.")] = False


class Line(msgspec.Struct):
    """One pack of a specification."""

    type: str
    display_name: str
    model: str
    plan: str
    cri: bool
    price_cloud_tokens: int


class Specification(msgspec.Struct):
    lines: list[Line]
    price_cloud_tokens: int
    available_before_cloud_tokens: int
    available_after_cloud_tokens: int
    notices: list[str]


class _Resource(msgspec.Struct):
    id: str
    display_name: str


@with_api
def provision(
    api: Api,
    *,
    pack: Pack = PACK,
    name: str = typer.Argument(..., help="Its display name."),
    order: OrderOptions,
) -> None:
    """Provision a pack: its specification with the price and the balance after it is shown first, then asked for."""
    path = f"/companies/{api.company(order.company)}/resources"
    body = _body(pack, name, order=order)
    if not order.yes:
        confirm(api.one("POST", f"{path}/preview", kind=Specification, body=body).value)
    reply = api.one("POST", path, kind=_Resource, body=body, idempotency=uuid.uuid4().hex)
    if api.json:
        show_json(reply.raw)
    else:
        print(f"{reply.value.display_name} is {reply.value.id}, and active.")


def confirm(specification: Specification) -> None:
    """Shown on standard error, since the answer alone belongs on standard output."""
    show_rows(specification.lines, title="Specification", aside=True)
    say(
        f"Price: {specification.price_cloud_tokens:,} cloud tokens. Available now"
        f" {specification.available_before_cloud_tokens:,}, after it {specification.available_after_cloud_tokens:,}."
    )
    for notice in specification.notices:
        say(f"Note: {notice}")
    ask.confirm("Provision it?")


def _body(pack: Pack, name: str, *, order: OrderOptions) -> dict[str, object]:
    plan = order.plan or ("Standard" if pack == "knowledge_base" else "S")
    made = None
    if order.embeddings_model is not None:
        made = {
            "display_name": f"{name} embeddings",
            "model": order.embeddings_model,
            "plan": order.embeddings_plan,
            "cri": order.cri,
        }
    return {
        "type": pack,
        "display_name": name,
        "region": order.region,
        "plan": plan,
        "model": order.model,
        "environment": order.environment,
        "cri": order.cri,
        "created_for_name": order.for_name,
        "created_for_email": order.for_email,
        "embeddings_resource_id": order.embeddings,
        "embeddings": made,
    }
