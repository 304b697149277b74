"""What an installation sells: regions, models and plans."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Literal

import msgspec

from packhouse.domain.errors import Refused
from packhouse.domain.quota import MeterLimit
from packhouse.domain.terms import Terms
from packhouse.domain.units import ResourceType

Provider = Literal["bedrock", "anthropic", "cohere", "openai_compatible", "local"]
"""The provider route: which adapter serves a model."""

DRAINED: frozenset[Provider] = frozenset({"bedrock", "anthropic"})
"""Providers that bill a whole answer, read or not: where a client goes away they are read to the end."""

QUANTISING: frozenset[Provider] = frozenset({"bedrock", "cohere"})
"""Providers of embeddings that give vectors of other types than floats, and cut long inputs as they are told."""

TAKING_TOKENS: frozenset[Provider] = frozenset({"openai_compatible"})
"""Providers of embeddings that take a tokenizer's numbers in the place of a text."""

Cri = Literal["no", "optional", "only"]
"""Whether a model is served by cross-region inference in a region."""

LifeCycle = Literal["announced", "current", "legacy", "ended"]

OPENAI_COMPATIBLE_FAMILY = "openai-compatible"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A size of a resource: `limits` in a bundle month, at `price_cloud_tokens`.

    `families` is empty for a knowledge base; `disk_bytes` is 0 for model packs.
    """

    name: str
    type: ResourceType
    families: tuple[str, ...] = ()
    price_cloud_tokens: int
    limits: tuple[MeterLimit, ...] = ()
    disk_bytes: int = 0


class Region(msgspec.Struct, frozen=True):
    id: str
    name: str


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A model in a region. `provider_model` and `cri_profile` are the provider's own ids without and with CRI.

    `provider` is the route there, where it is another than the model's.
    """

    region: str
    cri: Cri = "no"
    provider_model: str = ""
    cri_profile: str = ""
    serving_regions: tuple[str, ...] = ()
    provider: Provider | None = None

    def served_as(self, cri: bool) -> str:
        """The id to call the provider with; `cri` matters only where CRI is optional."""
        return self.cri_profile if self.crosses(cri) else self.provider_model

    def crosses(self, cri: bool) -> bool:
        """Whether a call may be served by another region of the same geography."""
        return cri if self.cri == "optional" else self.cri == "only"


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model and all that the platform knows of it.

    `endpoint` names the settings' endpoint of an `openai_compatible` model. `direct_model` is what its maker calls it,
    and `direct_provider` the maker's own route, for installations that go there instead. `dimensions` are those that an
    embeddings model can make, the default first; `any_dimensions`: its server may make others too. Life-cycle
    dates begin at 0:00 UTC.
    """

    id: str
    name: str
    type: ResourceType
    family: str
    provider: Provider
    offers: tuple[Offer, ...]
    context_tokens: int
    output_tokens_max: int = 0
    output_tokens_default: int = 4096
    dimensions: tuple[int, ...] = ()
    any_dimensions: bool = False
    modalities: tuple[str, ...] = ("text",)
    tools: bool = False
    terms: tuple[str, ...] = ()
    endpoint: str = ""
    direct_provider: Provider | None = None
    direct_model: str = ""
    announced_on: date | None = None
    legacy_on: date | None = None
    end_of_life_on: date | None = None

    def offer(self, region: str) -> Offer | None:
        for offer in self.offers:
            if offer.region == region:
                return offer
        return None

    def provider_in(self, region: str) -> Provider:
        """The route in that region."""
        offer = self.offer(region)
        return offer.provider if offer is not None and offer.provider is not None else self.provider

    def directly(self, regions: Collection[str]) -> "Model":
        """The model with its maker's own route in these regions, where it is offered there and has one."""
        if self.direct_provider is None:
            return self
        offers = tuple(
            Offer(region=offer.region, provider_model=self.direct_model, provider=self.direct_provider)
            if offer.region in regions
            else offer
            for offer in self.offers
        )
        return msgspec.structs.replace(self, offers=offers)

    def life_cycle(self, now: datetime) -> LifeCycle:
        """Legacy warns, ended refuses."""
        today = now.date()
        if self.end_of_life_on is not None and today >= self.end_of_life_on:
            return "ended"
        if self.legacy_on is not None and today >= self.legacy_on:
            return "legacy"
        if self.announced_on is not None and today < self.announced_on:
            return "announced"
        return "current"


class Offering(msgspec.Struct, frozen=True):
    """What this installation has endpoints for: each region with the provider routes that its settings name."""

    regions: tuple[tuple[str, tuple[Provider, ...]], ...]

    def has_region(self, region: str) -> bool:
        return any(name == region for name, _ in self.regions)

    def has(self, region: str, provider: Provider) -> bool:
        return any(name == region and provider in providers for name, providers in self.regions)

    def reaches(self, model: Model, region: str) -> bool:
        """Whether there is an endpoint for the model's route in that region."""
        return self.has(region, model.provider_in(region))


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """The whole catalog; its parts fit together (checked by the one who reads it)."""

    regions: tuple[Region, ...]
    models: tuple[Model, ...]
    plans: tuple[Plan, ...]
    terms: tuple[Terms, ...] = ()

    def model(self, model_id: str) -> Model:
        """Refused(model_unknown)."""
        for model in self.models:
            if model.id == model_id:
                return model
        raise Refused("model_unknown", f"The catalog has no model {model_id!r}.", model=model_id)

    def family(self, family: str, region: str) -> tuple[Model, ...]:
        """The models of a family in a region: those that a resource's calls may name."""
        return tuple(model for model in self.models if model.family == family and model.offer(region))

    def plans_for(self, type_: ResourceType, family: str = "") -> tuple[Plan, ...]:
        """In the catalog's order."""
        return tuple(
            plan for plan in self.plans if plan.type == type_ and (not plan.families or family in plan.families)
        )

    def disk_bytes_of(self, plan: str, type_: ResourceType) -> int:
        """The disk that comes with a plan; 0 where none does, or the catalog has no such plan any more."""
        return next((one.disk_bytes for one in self.plans_for(type_) if one.name == plan), 0)

    def plan(self, name: str, type_: ResourceType, *, family: str = "") -> Plan:
        """Refused(invalid_request) with the names there are."""
        plans = self.plans_for(type_, family)
        for plan in plans:
            if plan.name == name:
                return plan
        names = ", ".join(plan.name for plan in plans) or "none"
        raise Refused("invalid_request", f"There is no plan {name!r} here; there are: {names}.", field="plan")

    def price(self, plan: str, type_: ResourceType, *, model_id: str) -> int | None:
        """In cloud tokens; None where the catalog no longer sells that."""
        family = next((model.family for model in self.models if model.id == model_id), "")
        plans = self.plans_for(type_, family)
        return next((one.price_cloud_tokens for one in plans if one.name == plan), None)

    def terms_of(self, model: Model) -> tuple[Terms, ...]:
        """What must be accepted before the model is provisioned."""
        return tuple(terms for terms in self.terms if terms.id in model.terms)

    def with_model(self, model: Model) -> "Catalog":
        """The catalog with one more model, or with this one in the place of its namesake."""
        if all(one.id != model.id for one in self.models):
            return msgspec.structs.replace(self, models=(*self.models, model))
        models = tuple(model if one.id == model.id else one for one in self.models)
        return msgspec.structs.replace(self, models=models)


def openai_compatible_model(
    model_id: str,
    *,
    regions: Iterable[str],
    provider_model: str,
    endpoint: str,
    name: str = "",
    dimensions: int = 0,
) -> Model:
    """A model that an OpenAI-compatible server serves, as `--upstream` adds it; with `dimensions` one of embeddings.

    Nothing is known of it, so it gets a wide context window and may be asked for anything.
    """
    text = dimensions == 0
    return Model(
        id=model_id,
        name=name or model_id,
        type="text_generation" if text else "embeddings",
        family=OPENAI_COMPATIBLE_FAMILY,
        provider="openai_compatible",
        offers=tuple(Offer(region=region, provider_model=provider_model) for region in regions),
        context_tokens=1_000_000,
        output_tokens_max=128_000 if text else 0,
        dimensions=() if text else (dimensions,),
        any_dimensions=not text,
        modalities=("text", "image", "document") if text else ("text",),
        tools=text,
        endpoint=endpoint,
    )
