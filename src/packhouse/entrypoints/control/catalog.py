"""The catalog as a company sees it."""

from datetime import date

from litestar import get
from litestar.params import FromPath

from packhouse.domain import catalog
from packhouse.domain.units import CompanyId, ResourceType
from packhouse.entrypoints.control.openapi import refuses
from packhouse.entrypoints.control.terms import Terms, terms
from packhouse.entrypoints.control.wire import Answer, Caller, Services
from packhouse.services.catalog import ModelView


class Region(Answer, frozen=True):
    """`offered`: this installation has endpoints for it."""

    id: str
    name: str
    offered: bool


class Weights(Answer, frozen=True):
    """What one token of each class counts on the meter."""

    input: int
    output: int
    cache_read: int
    cache_write: int


class MeterLimit(Answer, frozen=True):
    meter: str
    limit: int
    weights: Weights


class Plan(Answer, frozen=True):
    """`limits` count in a bundle month; `disk_bytes` is 0 for model packs."""

    name: str
    type: ResourceType
    price_cloud_tokens: int
    limits: list[MeterLimit]
    disk_bytes: int


class ModelOffer(Answer, frozen=True):
    """A model in a region; `offered`: this installation has an endpoint for it there."""

    region: str
    cri: catalog.Cri
    offered: bool
    serving_regions: list[str]


class ModelFacts(Answer, frozen=True):
    id: str
    name: str
    type: ResourceType
    family: str
    provider: catalog.Provider
    context_tokens: int
    output_tokens_max: int
    output_tokens_default: int
    dimensions: list[int]
    modalities: list[str]
    tools: bool
    announced_on: date | None
    legacy_on: date | None
    end_of_life_on: date | None


class Model(ModelFacts, frozen=True):
    """`missing_terms`: the ids of the terms to accept before it can be provisioned."""

    life_cycle: catalog.LifeCycle
    offers: list[ModelOffer]
    plans: list[Plan]
    missing_terms: list[str]


class Catalog(Answer, frozen=True):
    regions: list[Region]
    models: list[Model]
    knowledge_base_plans: list[Plan]
    terms: list[Terms]


@get(
    "/companies/{company_id:str}/catalog",
    summary="Read what a company can provision, at which price, under which terms",
    opt=refuses("not_found"),
)
async def read_catalog(*, control: Services, actor: Caller, company_id: FromPath[str]) -> Catalog:
    view = await control.offers.view(actor, CompanyId(company_id))
    regions = [Region(id=one.region.id, name=one.region.name, offered=one.offered) for one in view.regions]
    return Catalog(
        regions=regions,
        models=[_model(one) for one in view.models],
        knowledge_base_plans=[Plan.of(one) for one in view.knowledge_base_plans],
        terms=[terms(one) for one in view.terms],
    )


def _model(view: ModelView) -> Model:
    return Model(
        life_cycle=view.life_cycle,
        offers=[ModelOffer.of(one) for one in view.offers],
        plans=[Plan.of(one) for one in view.plans],
        missing_terms=list(view.missing_terms),
        **ModelFacts.of(view.model).fields(),
    )


ROUTES = (read_catalog,)
