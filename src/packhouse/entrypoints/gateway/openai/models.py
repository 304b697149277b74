"""`GET /v1/models` and one of them: what the key may name."""

from collections.abc import Iterator

import msgspec

from packhouse.domain.catalog import Model
from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.authorise import authorise
from packhouse.entrypoints.gateway.http import Reply, Request
from packhouse.ports.meter import Access, Meter, Pack, ResourceType
from packhouse.services.models import Models


class OutModel(msgspec.Struct, frozen=True):
    id: str
    created: int
    owned_by: str
    name: str
    type: ResourceType
    default: bool
    object: str = "model"


class OutModels(msgspec.Struct, frozen=True):
    data: tuple[OutModel, ...]
    object: str = "list"


class ModelsRoute:
    """The models of the key's packs."""

    def __init__(self, *, meter: Meter, models: Models) -> None:
        self._meter = meter
        self._models = models

    async def list(self, request: Request) -> Reply:
        access = await authorise(request, self._meter)
        found = dict[str, OutModel]()
        for pack in _packs(access):
            for model in self._models.choices(pack):
                found.setdefault(model.id, _out(model, default=model.id == pack.model))
        return Reply(body=msgspec.json.encode(OutModels(tuple(found.values()))))

    async def read(self, request: Request) -> Reply:
        """By any name that a call may give it. Refused: model_unknown."""
        wanted = request.params["model"]
        for pack in _packs(await authorise(request, self._meter)):
            try:
                model = self._models.resolve(pack, wanted)
            except Refused:
                continue
            return Reply(body=msgspec.json.encode(_out(model, default=model.id == pack.model)))
        raise Refused("model_unknown", f"This key opens no model {wanted!r}. See `GET /v1/models`.", model=wanted)


def _packs(access: Access) -> Iterator[Pack]:
    """Those that a call of this key can be on."""
    packs = access.packs + access.derived
    return (pack for pack in packs if pack.type != "knowledge_base" and not pack.inactive)


def _out(model: Model, *, default: bool) -> OutModel:
    created = 0
    if model.announced_on is not None:
        created = (model.announced_on.toordinal() - 719_163) * 86_400  # days from year 1 to 1970
    maker = model.direct_provider or model.provider
    return OutModel(model.id, created, maker, model.name, model.type, default)
