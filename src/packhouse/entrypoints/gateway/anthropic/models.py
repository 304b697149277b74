"""`GET /v1/models` and one of them, as Anthropic's clients read them."""

from datetime import UTC, date, datetime

import msgspec

from packhouse.domain.catalog import Model
from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.authorise import authorise
from packhouse.entrypoints.gateway.http import Reply, Request
from packhouse.ports.meter import Access, Meter
from packhouse.services.models import Models

_UNKNOWN = date(1970, 1, 1)


class OutModel(msgspec.Struct, frozen=True):
    id: str
    display_name: str
    created_at: datetime
    max_input_tokens: int
    max_tokens: int
    type: str = "model"


class OutModels(msgspec.Struct, frozen=True):
    data: tuple[OutModel, ...]
    first_id: str | None
    last_id: str | None
    has_more: bool = False


class AnthropicModelsRoute:
    """The text models of the key's packs."""

    def __init__(self, *, meter: Meter, models: Models) -> None:
        self._meter = meter
        self._models = models

    async def list(self, request: Request) -> Reply:
        data = self._of(await authorise(request, self._meter))
        first, last = (data[0].id, data[-1].id) if data else (None, None)
        return Reply(body=msgspec.json.encode(OutModels(data, first, last)))

    async def read(self, request: Request) -> Reply:
        access = await authorise(request, self._meter)
        wanted = request.params["model"]
        for model in self._of(access):
            if model.id == wanted:
                return Reply(body=msgspec.json.encode(model))
        raise Refused("model_unknown", f"This key opens no model {wanted!r}. See `GET /v1/models`.", model=wanted)

    def _of(self, access: Access) -> tuple[OutModel, ...]:
        found = dict[str, OutModel]()
        for pack in access.packs:
            if pack.type == "text_generation" and not pack.inactive:
                for model in self._models.choices(pack):
                    found.setdefault(model.id, _out(model))
        return tuple(found.values())


def _out(model: Model) -> OutModel:
    at = model.announced_on or _UNKNOWN
    created_at = datetime(at.year, at.month, at.day, tzinfo=UTC)
    return OutModel(model.id, model.name, created_at, model.context_tokens, model.output_tokens_max)
