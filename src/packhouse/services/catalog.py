"""The catalog as a company sees it: what is offered here, at which price, under which terms."""

import msgspec

from packhouse.domain.catalog import Cri, LifeCycle, Model, Plan, Region
from packhouse.domain.terms import TermsStanding
from packhouse.domain.units import CompanyId
from packhouse.domain.user import Actor
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
        raise NotImplementedError
