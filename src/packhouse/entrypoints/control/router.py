"""The management API: all its routes behind one door."""

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, Router, get
from litestar.di import Provide

import packhouse
from packhouse.domain.user import Actor
from packhouse.entrypoints.control import (
    activity,
    alert,
    catalog,
    company,
    consumption,
    key,
    ledger,
    provision,
    resource,
    sign_in,
    team,
    terms,
    user,
    webhook,
)
from packhouse.entrypoints.control.door import OPEN, door
from packhouse.entrypoints.control.openapi import document
from packhouse.entrypoints.control.refusals import HANDLERS
from packhouse.entrypoints.control.wire import StrictBody, asked
from packhouse.services.control import Control

BASE = "/api/v1"
BODY_BYTES_MAX = 256 * 1024

ROUTES = (
    *sign_in.ROUTES,
    *user.ROUTES,
    *company.ROUTES,
    *ledger.ROUTES,
    *catalog.ROUTES,
    *terms.ROUTES,
    *provision.ROUTES,
    *resource.ROUTES,
    *team.ROUTES,
    *key.ROUTES,
    *consumption.ROUTES,
    *alert.ROUTES,
    *webhook.ROUTES,
    *activity.ROUTES,
)


def api_router(control: Control, *, gateway_url: Callable[[], str], link_url: Callable[[str], str]) -> Router:
    """The API under `/api/v1`.

    `gateway_url` is the public URL that connection strings carry; `link_url` makes of a one-time token the
    address of the page where a password is set.
    """
    described: list[bytes] = []

    @get("/openapi.json", opt={OPEN: True}, include_in_schema=False)
    async def openapi() -> Response[bytes]:
        if not described:
            described.append(msgspec.json.encode(document(router, version=packhouse.__version__)))
        return Response(described[0], media_type=MediaType.JSON)

    router = Router(
        BASE,
        route_handlers=[*ROUTES, openapi],
        middleware=[door(control.sign_in)],
        dependencies={
            "control": Provide(lambda: control, sync_to_thread=False),
            "actor": Provide(_actor, sync_to_thread=False),
            "asked": Provide(asked, sync_to_thread=False),
            "gateway_url": Provide(gateway_url, sync_to_thread=False),
            "links": Provide(lambda: link_url, sync_to_thread=False),
        },
        dto=StrictBody,
        return_dto=None,
        exception_handlers=HANDLERS,
        request_max_body_size=BODY_BYTES_MAX,
    )
    return router


def _actor(request: Request[Actor, Any, Any]) -> Actor:
    return request.user
