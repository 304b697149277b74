"""The catalog as a company sees it: what is offered here, at which price, under which terms."""

from collections.abc import Set

import msgspec

from packhouse.domain.catalog import Cri, LifeCycle, Model, Plan, Region
from packhouse.domain.terms import TermsStanding, standing
from packhouse.domain.units import CompanyId
from packhouse.domain.user import Actor
from packhouse.services.access import company_seen
from packhouse.services.context import Context


class RegionView(msgspec.Struct, frozen=True):
    """`offered`: this installation has endpoints for it."""

    region: Region
    offered: bool


class ModelOffer(msgspec.Struct, frozen=True):
    """A model in a region; `offered`: this installation has an endpoint of its provider there."""

    region: str
    cri: Cri
    offered: bool
    serving_regions: tuple[str, ...]


class ModelView(msgspec.Struct, frozen=True):
    """`missing_terms` are the ids of terms that the company has to accept before it can be provisioned."""

    model: Model
    life_cycle: LifeCycle
    offers: tuple[ModelOffer, ...]
    plans: tuple[Plan, ...]
    missing_terms: tuple[str, ...]


class CatalogView(msgspec.Struct, frozen=True):
    regions: tuple[RegionView, ...]
    models: tuple[ModelView, ...]
    knowledge_base_plans: tuple[Plan, ...]
    terms: tuple[TermsStanding, ...]


class Offers:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def view(self, actor: Actor, company_id: CompanyId) -> CatalogView:
        """Refused: not_found."""
        catalog, offering = self._context.catalog, self._context.offering
        async with self._context.reading(actor) as act:
            await company_seen(act, company_id)
            accepted = await act.work.terms.of_company(company_id)
        standings = tuple(standing(terms, accepted, now=act.now) for terms in catalog.terms)
        missing = {one.terms.id for one in standings if one.state == "missing"}
        return CatalogView(
            regions=tuple(RegionView(one, offering.has_region(one.id)) for one in catalog.regions),
            models=tuple(self._model(model, missing) for model in catalog.models),
            knowledge_base_plans=catalog.plans_for("knowledge_base"),
            terms=standings,
        )

    def _model(self, model: Model, missing: Set[str]) -> ModelView:
        offering = self._context.offering
        return ModelView(
            model=model,
            life_cycle=model.life_cycle(self._context.clock.now()),
            offers=tuple(
                ModelOffer(one.region, one.cri, offering.reaches(model, one.region), one.serving_regions)
                for one in model.offers
            ),
            plans=self._context.catalog.plans_for(model.type, model.family),
            missing_terms=tuple(terms for terms in model.terms if terms in missing),
        )
