"""`GET /v1/models` and one of them, as Anthropic's clients read them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Literal
from urllib.parse import parse_qs

import msgspec

from packhouse.domain.catalog import Model
from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.authorise import authorise
from packhouse.entrypoints.gateway.http import Reply, Request
from packhouse.ports.meter import Access, Meter, Pack
from packhouse.services.models import Models

_UNKNOWN = date(1970, 1, 1)
_LIMIT_DEFAULT = 20
_LIMIT_MAX = 1_000


class OutModel(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    display_name: str
    created_at: datetime
    lifecycle: Literal["active", "deprecated"]
    deprecated_at: datetime | None
    retires_at: datetime | None
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
        """A page: `limit`, and `after_id` or `before_id`. Refused: invalid_request."""
        found = dict[str, OutModel]()
        for pack in _packs(await authorise(request, self._meter)):
            for model in self._models.choices(pack):
                found.setdefault(model.id, self._out(pack, model))
        return _reply(request, _page(tuple(found.values()), request.query))

    async def read(self, request: Request) -> Reply:
        """By any name that a call may give it. Refused: model_unknown."""
        wanted = request.params["model"]
        for pack in _packs(await authorise(request, self._meter)):
            try:
                model = self._models.resolve(pack, wanted)
            except Refused:
                continue
            return _reply(request, self._out(pack, model))
        raise Refused("model_unknown", f"This key opens no model {wanted!r}. See `GET /v1/models`.", model=wanted)

    def _out(self, pack: Pack, model: Model) -> OutModel:
        legacy = bool(self._models.served(pack, model.id)["life-cycle"])
        return OutModel(
            id=model.id,
            display_name=model.name,
            created_at=_instant(model.announced_on or _UNKNOWN),
            lifecycle="deprecated" if legacy else "active",
            deprecated_at=_instant(model.legacy_on) if legacy and model.legacy_on else None,
            retires_at=_instant(model.end_of_life_on) if model.end_of_life_on else None,
            max_input_tokens=model.context_tokens,
            max_tokens=model.output_tokens_max,
        )


def _packs(access: Access) -> Iterator[Pack]:
    return (pack for pack in access.packs if pack.type == "text_generation" and not pack.inactive)


def _instant(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _reply(request: Request, body: OutModel | OutModels) -> Reply:
    return Reply(body=msgspec.json.encode(body), headers=((b"request-id", request.id.encode()),))


def _page(models: Sequence[OutModel], query: str) -> OutModels:
    asked = {name: values[-1] for name, values in parse_qs(query).items()}
    ids = [model.id for model in models]
    start, end = 0, len(models)
    if after := asked.get("after_id"):
        start = _place(ids, after) + 1
    if before := asked.get("before_id"):
        end = _place(ids, before)
    limit = _limit(asked.get("limit", str(_LIMIT_DEFAULT)))
    first = max(start, end - limit) if before else start
    page = tuple(models[first : min(end, first + limit)])
    more = first > start if before else first + limit < end
    return OutModels(page, page[0].id if page else None, page[-1].id if page else None, more)


def _place(ids: Sequence[str], wanted: str) -> int:
    if wanted not in ids:
        raise Refused("invalid_request", f"There is no model {wanted!r} to list from.", field="after_id")
    return ids.index(wanted)


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _LIMIT_MAX:
        raise Refused("invalid_request", f"`limit` must be a number from 1 to {_LIMIT_MAX:,}.", field="limit")
    return int(text)
