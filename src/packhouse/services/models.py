"""Which model serves a call: the request's word for it, the resource's family, the adapter that reaches it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from packhouse.domain.catalog import Catalog, Model, Provider
from packhouse.domain.chat_part import Dialect
from packhouse.domain.errors import Refused
from packhouse.ports.meter import Pack
from packhouse.ports.models import EmbeddingsModel, Relay, TextModel, TokenCounter
from packhouse.ports.outside import Clock

DEFAULT = "default"

Adapter = TypeVar("Adapter")

Place = tuple[str, str]
"""Where a model is served: its endpoint (or its provider route where it names no endpoint), and the region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """What this installation reaches models with, by place. Relays are known by the dialect that they carry too."""

    text: Mapping[Place, TextModel] = field(default_factory=dict[Place, TextModel])
    embeddings: Mapping[Place, EmbeddingsModel] = field(default_factory=dict[Place, EmbeddingsModel])
    relays: Mapping[tuple[Dialect, Place], Relay] = field(default_factory=dict[tuple[Dialect, Place], Relay])
    counters: Mapping[Place, TokenCounter] = field(default_factory=dict[Place, TokenCounter])


class Road(msgspec.Struct, frozen=True):
    """How a pack's calls get to a model: where it is served, by which provider, and what that calls it."""

    place: Place
    provider: Provider
    name: str


class Models:
    """The catalog's models with the adapters that this installation has."""

    def __init__(self, catalog: Catalog, clock: Clock, *, adapters: Adapters) -> None:
        self._catalog = catalog
        self._clock = clock
        self._adapters = adapters
        self._resolved = dict[tuple[str, str, str], Model]()
        self._roads = dict[tuple[str, str, bool], Road]()

    def choices(self, pack: Pack) -> tuple[Model, ...]:
        """The models that a call on this pack may name."""
        family = self._catalog.model(pack.model).family
        return tuple(
            model
            for model in self._catalog.family(family, pack.region)
            if model.type == pack.type and model.life_cycle(self._clock.now()) != "ended"
        )

    def resolve(self, pack: Pack, asked: str) -> Model:
        """The model for the word of a request: an id of the pack's family, `default`, or empty.

        What its maker or its provider calls a model does as well: an application keeps the name that it has.

        Refused: model_unknown (it names the ones there are), model_ended.
        """
        place = (pack.model, pack.region, asked)
        model = self._resolved.get(place)
        if model is None:
            model = self._find(pack, asked)
            self._resolved[place] = model
        if model.end_of_life_on is not None and model.life_cycle(self._clock.now()) == "ended":
            raise Refused(
                "model_ended",
                f"The model {model.id} ended on {model.end_of_life_on}. Name another of the pack's models or "
                "change the resource's model in the portal.",
                model=model.id,
            )
        return model

    def provider_model(self, pack: Pack, model: Model) -> str:
        """The provider's own name for it, in the pack's region."""
        return self._road(pack, model).name

    def provider(self, pack: Pack, model: Model) -> Provider:
        """Who serves it in the pack's region."""
        return self._road(pack, model).provider

    def fallback(self, pack: Pack, model: Model) -> Model | None:
        """The model that may answer instead, where the resource allows one and it can be asked now."""
        if pack.fallback_model in {"", model.id}:
            return None
        return next((other for other in self.choices(pack) if other.id == pack.fallback_model), None)

    def served(self, pack: Pack, model_id: str) -> dict[str, str]:
        """What an answer says of who gave it, by name: `model`, `region`, `serving-regions`, `life-cycle`; empty where
        there is nothing to say."""
        model = self._catalog.model(model_id)
        offer = model.offer(pack.region)
        regions = offer.serving_regions if offer is not None and offer.crosses(pack.cri) else ()
        life = ""
        if model.life_cycle(self._clock.now()) == "legacy":
            ends = f"; ends {model.end_of_life_on}" if model.end_of_life_on else ""
            life = f"legacy since {model.legacy_on}{ends}; name another model of the pack"
        return {
            "model": model.id,
            "region": pack.region,
            "serving-regions": ", ".join(regions),
            "life-cycle": life,
        }

    def text(self, pack: Pack, model: Model) -> TextModel:
        return _adapter(self._adapters.text, model, region=pack.region)

    def embeddings(self, pack: Pack, model: Model) -> EmbeddingsModel:
        return _adapter(self._adapters.embeddings, model, region=pack.region)

    def relay(self, pack: Pack, model: Model, *, dialect: Dialect) -> Relay | None:
        """The short road, where the model's server speaks the dialect itself."""
        return self._adapters.relays.get((dialect, self._road(pack, model).place))

    def counter(self, pack: Pack, model: Model) -> TokenCounter | None:
        """Who counts input tokens for the model, where its provider does."""
        return self._adapters.counters.get(place_of(model, pack.region))

    def _road(self, pack: Pack, model: Model) -> Road:
        known = self._roads.get((model.id, pack.region, pack.cri))
        if known is None:
            offer = model.offer(pack.region)
            assert offer is not None, "resolve() chose it in this region"
            name = offer.served_as(pack.cri) or model.id
            known = Road(place_of(model, pack.region), model.provider_in(pack.region), name)
            self._roads[model.id, pack.region, pack.cri] = known
        return known

    def _find(self, pack: Pack, asked: str) -> Model:
        if asked in {"", DEFAULT, pack.model}:
            return self._catalog.model(pack.model)
        choices = self.choices(pack)
        for model in choices:
            if asked == model.id:
                return model
        for model in choices:
            if asked in _foreign_names(model, pack.region):
                return model
        names = ", ".join([DEFAULT, *(model.id for model in choices)])
        raise Refused(
            "model_unknown",
            f"The model {asked!r} is none of this pack's. Name one of: {names}.",
            model=asked,
            models=[DEFAULT, *(model.id for model in choices)],
        )


def _foreign_names(model: Model, region: str) -> set[str]:
    offer = model.offer(region)
    assert offer is not None, "it is one of the region's choices"
    return {model.direct_model, offer.provider_model, offer.cri_profile} - {""}


def place_of(model: Model, region: str) -> Place:
    return (model.endpoint or model.provider_in(region), region)


def _adapter(adapters: Mapping[Place, Adapter], model: Model, *, region: str) -> Adapter:
    adapter = adapters.get(place_of(model, region))
    if adapter is None:
        raise Refused(
            "unavailable",
            f"The installation has no endpoint for {model.name} in {region}. Ask the operator to set one up.",
            model=model.id,
        )
    return adapter
