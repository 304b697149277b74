"""Which model serves a call: the request's word for it, the resource's family, the adapter that reaches it."""

from collections.abc import Mapping
from typing import TypeVar

from packhouse.domain.catalog import Catalog, Model
from packhouse.domain.errors import Refused
from packhouse.ports.meter import Pack
from packhouse.ports.models import EmbeddingsModel, OpenAIRelay, TextModel
from packhouse.ports.outside import Clock

DEFAULT = "default"

Adapter = TypeVar("Adapter")


class Models:
    """The catalog's models with the adapters that this installation has.

    Adapters are known by the model's endpoint, or its provider route where it names no endpoint.
    """

    def __init__(
        self,
        catalog: Catalog,
        clock: Clock,
        *,
        text: Mapping[str, TextModel],
        embeddings: Mapping[str, EmbeddingsModel],
        relays: Mapping[str, OpenAIRelay],
    ) -> None:
        self._catalog = catalog
        self._clock = clock
        self._text = text
        self._embeddings = embeddings
        self._relays = relays
        self._resolved = dict[tuple[str, str, str], Model]()

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
        offer = model.offer(pack.region)
        assert offer is not None, "resolve() chose it in this region"
        return offer.served_as(pack.cri) or model.id

    def text(self, model: Model) -> TextModel:
        return _adapter(self._text, model)

    def embeddings(self, model: Model) -> EmbeddingsModel:
        return _adapter(self._embeddings, model)

    def relay(self, model: Model) -> OpenAIRelay | None:
        """The short road for the OpenAI dialect, where the model's server speaks it."""
        return self._relays.get(model.endpoint or model.provider)

    def _find(self, pack: Pack, asked: str) -> Model:
        if asked in {"", DEFAULT, pack.model}:
            return self._catalog.model(pack.model)
        choices = self.choices(pack)
        for model in choices:
            if model.id == asked:
                return model
        names = ", ".join([DEFAULT, *(model.id for model in choices)])
        raise Refused(
            "model_unknown",
            f"The model {asked!r} is none of this pack's. Name one of: {names}.",
            model=asked,
            models=[DEFAULT, *(model.id for model in choices)],
        )


def _adapter(adapters: Mapping[str, Adapter], model: Model) -> Adapter:
    adapter = adapters.get(model.endpoint or model.provider)
    if adapter is None:
        raise Refused(
            "unavailable",
            f"The installation has no endpoint for {model.name}. Ask the operator to set one up.",
            model=model.id,
        )
    return adapter
