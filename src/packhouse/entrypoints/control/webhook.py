"""Webhooks: where a company is told of alerts, signed by Standard Webhooks."""

from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody

from packhouse.domain.alert import DeliveryState
from packhouse.domain.units import CompanyId, WebhookId
from packhouse.entrypoints.control.openapi import refuses
from packhouse.entrypoints.control.wire import Answer, Body, Caller, Instant, Services
from packhouse.services.webhook import SecretWebhook


class AddWebhook(Body, frozen=True):
    url: str
    description: str = ""


class ChangeWebhook(Body, frozen=True):
    """What is left out, or null, stays."""

    url: str | None = None
    description: str | None = None
    enabled: bool | None = None


class Webhook(Answer, frozen=True):
    """`disabled_reason` is `gone` where the receiver answered 410. Until `previous_until_at` the secret before the
    rotation signs too."""

    id: str
    company_id: str
    url: str
    description: str
    enabled: bool
    disabled_reason: str
    created_at: Instant
    previous_until_at: Instant | None


class AddedWebhook(Webhook, frozen=True):
    """`secret` (`whsec_…`) is shown this once."""

    secret: str


class Webhooks(Answer, frozen=True):
    webhooks: list[Webhook]


class WebhookDelivery(Answer, frozen=True):
    """`alert_id` is null for a trial. `error` is why the last attempt failed, a status or a kind of failure."""

    id: str
    alert_id: str | None
    state: DeliveryState
    attempts: int
    error: str
    created_at: Instant
    next_at: Instant
    ended_at: Instant | None


class WebhookDeliveries(Answer, frozen=True):
    """Newest first, 50 at most."""

    deliveries: list[WebhookDelivery]


@get(
    "/companies/{company_id:str}/webhooks",
    summary="List a company's webhooks",
    opt=refuses("not_found", "forbidden"),
)
async def list_webhooks(*, control: Services, actor: Caller, company_id: FromPath[str]) -> Webhooks:
    found = await control.webhooks.list(actor, CompanyId(company_id))
    return Webhooks(webhooks=[Webhook.of(one) for one in found])


@post(
    "/companies/{company_id:str}/webhooks",
    summary="Add a webhook; its secret is shown this once",
    opt=refuses("not_found", "forbidden", "conflict"),
)
async def add_webhook(
    *, control: Services, actor: Caller, company_id: FromPath[str], data: JSONBody[AddWebhook]
) -> AddedWebhook:
    return _added(await control.webhooks.add(actor, CompanyId(company_id), url=data.url, description=data.description))


@patch(
    "/webhooks/{webhook_id:str}", summary="Change, enable or disable a webhook", opt=refuses("not_found", "conflict")
)
async def change_webhook(
    *, control: Services, actor: Caller, webhook_id: FromPath[str], data: JSONBody[ChangeWebhook]
) -> Webhook:
    changed = await control.webhooks.change(
        actor, WebhookId(webhook_id), url=data.url, description=data.description, enabled=data.enabled
    )
    return Webhook.of(changed)


@delete("/webhooks/{webhook_id:str}", summary="Remove a webhook", opt=refuses("not_found"))
async def remove_webhook(*, control: Services, actor: Caller, webhook_id: FromPath[str]) -> None:
    await control.webhooks.remove(actor, WebhookId(webhook_id))


@post(
    "/webhooks/{webhook_id:str}/rotation",
    status_code=200,
    summary="Make a new secret; the one before signs too for 24 hours",
    opt=refuses("not_found", "conflict"),
)
async def rotate_webhook(*, control: Services, actor: Caller, webhook_id: FromPath[str]) -> AddedWebhook:
    return _added(await control.webhooks.rotate(actor, WebhookId(webhook_id)))


@post(
    "/webhooks/{webhook_id:str}/test",
    status_code=202,
    summary="Send a trial message; its delivery tells what came of it",
    opt=refuses("not_found", "conflict"),
)
async def test_webhook(*, control: Services, actor: Caller, webhook_id: FromPath[str]) -> WebhookDelivery:
    return WebhookDelivery.of(await control.webhooks.test(actor, WebhookId(webhook_id)))


@get("/webhooks/{webhook_id:str}/deliveries", summary="List what was sent to a webhook", opt=refuses("not_found"))
async def list_webhook_deliveries(*, control: Services, actor: Caller, webhook_id: FromPath[str]) -> WebhookDeliveries:
    found = await control.webhooks.deliveries(actor, WebhookId(webhook_id))
    return WebhookDeliveries(deliveries=[WebhookDelivery.of(one) for one in found])


def _added(made: SecretWebhook) -> AddedWebhook:
    return AddedWebhook(secret=made.secret.text, **Webhook.of(made.webhook).fields())


ROUTES = (
    list_webhooks,
    add_webhook,
    change_webhook,
    remove_webhook,
    rotate_webhook,
    test_webhook,
    list_webhook_deliveries,
)
