"""The portal as one router, to be mounted at `/` beside the management API."""

from typing import Any, cast

from litestar import Router
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler

from packhouse.domain.errors import Refused
from packhouse.entrypoints.portal import (
    account,
    activity,
    alert,
    assets,
    company,
    consumption,
    key,
    landing,
    ledger,
    provision,
    resource,
    settings,
    sign_in,
    team,
    terms,
    user,
    webhook,
)
from packhouse.entrypoints.portal.cookies import session_token, visitor_token
from packhouse.entrypoints.portal.forms import BODY_BYTES_MAX, check_form
from packhouse.entrypoints.portal.problems import Problems
from packhouse.entrypoints.portal.site import Asked, Site, Visit
from packhouse.entrypoints.portal.visits import visit_of

HANDLERS = (
    assets.asset,
    *(landing.landing, sign_in.sign_in_page, sign_in.sign_in, sign_in.sign_out, sign_in.link_page, sign_in.redeem_link),
    *(account.account, account.change_password, account.create_token, account.revoke_token),
    *(resource.overview, consumption.consumption, consumption.consumption_csv, activity.resource_activity),
    *(key.key_list, key.new_key, key.create_key, key.one_key, key.open_key, key.shut_key),
    *(key.ask_to_revoke, key.revoke_key),
    *(team.team, team.add_member, team.ask_to_remove, team.remove_member),
    *(settings.settings, settings.change_settings, settings.adjust_plan),
    *(settings.ask_to_deprovision, settings.deprovision, settings.cancel_scheduled),
    *(company.company_list, company.create_company, company.overview, company.settings, company.change_settings),
    *(ledger.entitlements, ledger.create_contract, ledger.contract, ledger.grant, ledger.correct),
    *(provision.shelf, provision.order_form, provision.order, terms.terms, terms.accept_terms),
    *(user.people, user.create_user, user.person, user.change_role, user.new_link, user.disable_user),
    *(alert.alerts, alert.company_alerts, alert.mute, alert.send_again),
    *(webhook.webhooks, webhook.add_webhook, webhook.webhook, webhook.change_webhook, webhook.rotate_webhook),
    *(webhook.try_webhook, webhook.send_again, webhook.ask_to_remove, webhook.remove_webhook),
    activity.company_activity,
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
