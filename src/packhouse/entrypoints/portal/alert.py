"""Alerts: what was said of a resource by bundle month, to whom, and whether the visitor wants e-mail about it; and of
all resources of a company."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from litestar import Response, get, post

from packhouse.domain.errors import Refused
from packhouse.domain.units import DeliveryId, ResourceId
from packhouse.entrypoints.portal.company import COMPANY, company_frame
from packhouse.entrypoints.portal.forms import read_form
from packhouse.entrypoints.portal.pages import go, page
from packhouse.entrypoints.portal.resource import frame
from packhouse.entrypoints.portal.site import Asked, Part, Visit, Visiting
from packhouse.services.alert import AlertView

ALERTS = "/resources/{resource_id:str}/alerts"


class Month(msgspec.Struct, frozen=True):
    """The alerts of one bundle month, newest first."""

    start_at: datetime
    end_at: datetime
    alerts: tuple[AlertView, ...]


@get(ALERTS)
async def alerts(visit: Visiting, resource_id: Part) -> Response[str]:
    return await _alerts_page(visit, resource_id)


@get(COMPANY + "/alerts")
async def company_alerts(visit: Visiting, company_id: Part) -> Response[str]:
    framed = await company_frame(visit, company_id, tab="alerts")
    found = await visit.control.alerts.of_company(visit.actor, framed.company.id)
    return page(visit, "company/alerts.html", frame=framed, alerts=found)


@post(ALERTS + "/mute")
async def mute(*, visit: Visiting, request: Asked, resource_id: Part) -> Response[str]:
    """The form's own state is what is wanted: a box that is not ticked is not sent."""
    form = await read_form(request)
    for about, name in ((ResourceId(resource_id), "resource"), (None, "every")):
        await visit.control.alerts.mute(visit.actor, about, muted=name in form)
    return go(visit.site, f"/resources/{resource_id}/alerts?done=alerts-muted")


@post(ALERTS + "/{delivery_id:str}/again")
async def send_again(*, visit: Visiting, resource_id: Part, delivery_id: Part) -> Response[str]:
    try:
        await visit.control.alerts.send_again(visit.actor, DeliveryId(delivery_id))
    except Refused as refused:
        return await _alerts_page(visit, resource_id, refused=refused)
    return go(visit.site, f"/resources/{resource_id}/alerts?done=sent-again")


async def _alerts_page(visit: Visit, resource_id: str, *, refused: Refused | None = None) -> Response[str]:
    framed = await frame(visit, resource_id, tab="alerts")
    found = await visit.control.alerts.of_resource(visit.actor, framed.view.resource.id)
    muting = await visit.control.alerts.muting(visit.actor, framed.view.resource.id)
    return page(visit, "resource/alerts.html", refused=refused, frame=framed, months=_months(found), muting=muting)


def _months(views: Iterable[AlertView]) -> list[Month]:
    found: dict[datetime, list[AlertView]] = {}
    for view in views:
        found.setdefault(view.alert.month_start_at, []).append(view)
    newest = sorted(found, reverse=True)
    return [Month(start_at, found[start_at][0].alert.refill_at, tuple(found[start_at])) for start_at in newest]
