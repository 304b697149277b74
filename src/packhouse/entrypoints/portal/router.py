"""The portal as one router, to be mounted at `/` beside the management API."""

from typing import Any, cast

from litestar import Router
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler

from packhouse.domain.errors import Refused
from packhouse.entrypoints.portal import assets, landing, sign_in
from packhouse.entrypoints.portal.cookies import session_token, visitor_token
from packhouse.entrypoints.portal.forms import BODY_BYTES_MAX, check_form
from packhouse.entrypoints.portal.problems import Problems
from packhouse.entrypoints.portal.site import Asked, Site, Visit
from packhouse.entrypoints.portal.visits import visit_of

HANDLERS = (
    assets.asset,
    landing.landing,
    sign_in.sign_in_page,
    sign_in.sign_in,
    sign_in.sign_out,
    sign_in.link_page,
    sign_in.redeem_link,
)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def portal_router(site: Site) -> Router:
    """All pages, with their guards and exception handlers.

    Addresses that no route knows never reach a router: hand them to `Problems(site).http` where they do not begin
    with `/api/`.
    """

    async def own_forms_only(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        request = cast("Asked", connection)
        if request.method not in _SAFE:
            token = visitor_token if handler.opt.get("anonymous") else session_token
            await check_form(request, site, secret=token(request, site))

    async def provide_visit(request: Asked) -> Visit:
        return await visit_of(request, site)

    problems = Problems(site)
    return Router(
        "/",
        route_handlers=HANDLERS,
        guards=[own_forms_only],
        dependencies={"visit": Provide(provide_visit), "site": Provide(lambda: site, sync_to_thread=False)},
        exception_handlers={Refused: problems.refused, HTTPException: problems.http, Exception: problems.broken},
        include_in_schema=False,
        request_max_body_size=BODY_BYTES_MAX,
    )
