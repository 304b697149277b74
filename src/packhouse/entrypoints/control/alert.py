"""Alerts: what was said of packs and to whom, sent once more, muted."""

from litestar import delete, get, post, put
from litestar.params import FromPath

from packhouse.domain.alert import AlertKind, Channel, DeliveryState
from packhouse.domain.units import CompanyId, DeliveryId, ResourceId
from packhouse.entrypoints.control.openapi import refuses
from packhouse.entrypoints.control.wire import Answer, Caller, Instant, Services
from packhouse.services.alert import AlertView, DeliveryView


class Delivery(Answer, frozen=True):
    """`target` is an e-mail address or a webhook's id, `recipient` the address or what the webhook is called.

    `error` is why the last attempt failed, a status or a kind of failure. `next_at` is the next attempt's while it
    waits.
    """

    id: str
    channel: Channel
    target: str
    recipient: str
    state: DeliveryState
    attempts: int
    error: str
    created_at: Instant
    next_at: Instant
    ended_at: Instant | None


class AlertFacts(Answer, frozen=True):
    id: str
    company_id: str
    resource_id: str
    resource_name: str
    meter: str
    kind: AlertKind
    percent: float
    used: int
    limit: int
    month_start_at: Instant
    refill_at: Instant
    runs_dry_at: Instant | None
    raised_at: Instant
    told: bool


class Alert(AlertFacts, frozen=True):
    """Amounts in the meter's own units, as they were when it was raised. `runs_dry_at` is the forecast's, for its own
    kind. `told` is false where a higher threshold was passed at the same time: nobody was told of this one."""

    deliveries: list[Delivery]


class Alerts(Answer, frozen=True):
    """Newest first, 200 at most."""

    alerts: list[Alert]


class Muting(Answer, frozen=True):
    """Whether the caller gets no e-mail about the resource, or about any (`every`). `by_mail`: whether the
    installation sends e-mail at all."""

    resource: bool
    every: bool
    by_mail: bool


@get("/resources/{resource_id:str}/alerts", summary="List a resource's alerts", opt=refuses("not_found"))
async def list_resource_alerts(*, control: Services, actor: Caller, resource_id: FromPath[str]) -> Alerts:
    return _alerts(await control.alerts.of_resource(actor, ResourceId(resource_id)))


@get(
    "/companies/{company_id:str}/alerts",
    summary="List the alerts of a company's resources",
    opt=refuses("not_found", "forbidden"),
)
async def list_company_alerts(*, control: Services, actor: Caller, company_id: FromPath[str]) -> Alerts:
    return _alerts(await control.alerts.of_company(actor, CompanyId(company_id)))


@post(
    "/deliveries/{delivery_id:str}/redelivery",
    status_code=200,
    summary="Deliver what waits or has failed once more, at once",
    opt=refuses("not_found", "forbidden", "conflict"),
)
async def redeliver(*, control: Services, actor: Caller, delivery_id: FromPath[str]) -> Delivery:
    return _delivery(await control.alerts.send_again(actor, DeliveryId(delivery_id)))


@get("/resources/{resource_id:str}/alert-mute", summary="Whether the caller muted it", opt=refuses("not_found"))
async def read_mute(*, control: Services, actor: Caller, resource_id: FromPath[str]) -> Muting:
    return Muting.of(await control.alerts.muting(actor, ResourceId(resource_id)))


@put("/resources/{resource_id:str}/alert-mute", summary="No e-mail to the caller about it", opt=refuses("not_found"))
async def mute_resource(*, control: Services, actor: Caller, resource_id: FromPath[str]) -> Muting:
    return Muting.of(await control.alerts.mute(actor, ResourceId(resource_id), muted=True))


@delete(
    "/resources/{resource_id:str}/alert-mute",
    status_code=200,
    summary="E-mail to the caller about it again",
    opt=refuses("not_found"),
)
async def unmute_resource(*, control: Services, actor: Caller, resource_id: FromPath[str]) -> Muting:
    return Muting.of(await control.alerts.mute(actor, ResourceId(resource_id), muted=False))


@put("/me/alert-mute", summary="No e-mail to the caller about any resource")
async def mute_every(*, control: Services, actor: Caller) -> Muting:
    return Muting.of(await control.alerts.mute(actor, None, muted=True))


@delete("/me/alert-mute", status_code=200, summary="E-mail to the caller about resources again")
async def unmute_every(*, control: Services, actor: Caller) -> Muting:
    return Muting.of(await control.alerts.mute(actor, None, muted=False))


def _alerts(views: list[AlertView]) -> Alerts:
    return Alerts(alerts=[_alert(view) for view in views])


def _alert(view: AlertView) -> Alert:
    return Alert(deliveries=[_delivery(one) for one in view.deliveries], **AlertFacts.of(view.alert).fields())


def _delivery(view: DeliveryView) -> Delivery:
    one = view.delivery
    return Delivery(
        id=one.id,
        channel=one.channel,
        target=one.target,
        recipient=view.recipient,
        state=one.state,
        attempts=one.attempts,
        error=one.error,
        created_at=one.created_at,
        next_at=one.next_at,
        ended_at=one.ended_at,
    )


ROUTES = (
    list_resource_alerts,
    list_company_alerts,
    redeliver,
    read_mute,
    mute_resource,
    unmute_resource,
    mute_every,
    unmute_every,
)
