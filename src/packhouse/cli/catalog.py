"""`packhouse catalog`: what can be provisioned, and at which price."""

import msgspec
import typer

from packhouse.cli.client import Api
from packhouse.cli.command import with_api
from packhouse.cli.show import show_json, show_rows


class Plan(msgspec.Struct):
    name: str
    price_cloud_tokens: int

    def __str__(self) -> str:
        return f"{self.name} {self.price_cloud_tokens}"


class Row(msgspec.Struct):
    """A line of the table; plans with their prices in cloud tokens."""

    model: str
    name: str
    type: str
    regions: list[str]
    plans: list[Plan]
    life_cycle: str
    missing_terms: list[str]


class _Offer(msgspec.Struct):
    region: str
    offered: bool


class _Model(msgspec.Struct):
    id: str
    name: str
    type: str
    life_cycle: str
    offers: list[_Offer]
    plans: list[Plan]
    missing_terms: list[str]


class _Catalog(msgspec.Struct):
    models: list[_Model]
    knowledge_base_plans: list[Plan]


@with_api
def catalog(
    api: Api, *, company: str = typer.Option(None, help="As this company sees it (default: your own).")
) -> None:
    """Show what can be provisioned: models, where they are offered, plans with their price in cloud tokens."""
    reply = api.one("GET", f"/companies/{api.company(company)}/catalog", kind=_Catalog)
    if api.json:
        show_json(reply.raw)
        return
    rows = [_row(model) for model in reply.value.models]
    plans = reply.value.knowledge_base_plans
    rows.append(Row("-", "Knowledge base", "knowledge_base", [], plans, "current", []))
    show_rows(rows)


def _row(model: _Model) -> Row:
    regions = [offer.region for offer in model.offers if offer.offered] or ["not offered here"]
    return Row(model.id, model.name, model.type, regions, model.plans, model.life_cycle, model.missing_terms)
