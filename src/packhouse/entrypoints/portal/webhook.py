"""A company's webhooks: added, tried, rotated, switched off and on, removed; and what was sent to each."""

from litestar import Response, get, post

from packhouse.domain.errors import Refused
from packhouse.domain.units import CompanyId, DeliveryId, WebhookId
from packhouse.domain.webhook import WEBHOOKS_MAX
from packhouse.entrypoints.portal.company import COMPANY, company_frame
from packhouse.entrypoints.portal.forms import EMPTY, Form, read_form
from packhouse.entrypoints.portal.pages import go, page
from packhouse.entrypoints.portal.site import Asked, Part, Visit, Visiting
from packhouse.services.webhook import SecretWebhook

WEBHOOKS = COMPANY + "/webhooks"
WEBHOOK = WEBHOOKS + "/{webhook_id:str}"


@get(WEBHOOKS)
async def webhooks(visit: Visiting, company_id: Part) -> Response[str]:
    return await _list_page(visit, company_id, form=EMPTY)


@post(WEBHOOKS)
async def add_webhook(*, visit: Visiting, request: Asked, company_id: Part) -> Response[str]:
    """The answer itself shows the secret: it is shown only once."""
    form = await read_form(request)
    try:
        made = await visit.control.webhooks.add(
            visit.actor, CompanyId(company_id), url=form["url"], description=form["description"]
        )
    except Refused as refused:
        return await _list_page(visit, company_id, form=form, refused=refused)
    return await _secret_page(visit, company_id, made=made)


@get(WEBHOOK)
async def webhook(*, visit: Visiting, company_id: Part, webhook_id: Part) -> Response[str]:
    return await _webhook_page(visit, company_id, webhook_id=webhook_id)


@post(WEBHOOK)
async def change_webhook(*, visit: Visiting, request: Asked, company_id: Part, webhook_id: Part) -> Response[str]:
    form = await read_form(request)
    try:
        await visit.control.webhooks.change(
            visit.actor,
            WebhookId(webhook_id),
            url=form["url"],
            description=form["description"],
            enabled="enabled" in form,
        )
    except Refused as refused:
        return await _webhook_page(visit, company_id, webhook_id=webhook_id, form=form, refused=refused)
    return go(visit.site, f"/companies/{company_id}/webhooks/{webhook_id}?done=webhook-saved")


@post(WEBHOOK + "/rotate")
async def rotate_webhook(*, visit: Visiting, company_id: Part, webhook_id: Part) -> Response[str]:
    """The answer itself shows the secret: it is shown only once."""
    await company_frame(visit, company_id, tab="webhooks")  # what cannot be shown afterwards is not made
    try:
        made = await visit.control.webhooks.rotate(visit.actor, WebhookId(webhook_id))
    except Refused as refused:
        return await _webhook_page(visit, company_id, webhook_id=webhook_id, refused=refused)
    return await _secret_page(visit, company_id, made=made)


@post(WEBHOOK + "/test")
async def try_webhook(*, visit: Visiting, company_id: Part, webhook_id: Part) -> Response[str]:
    try:
        await visit.control.webhooks.test(visit.actor, WebhookId(webhook_id))
    except Refused as refused:
        return await _webhook_page(visit, company_id, webhook_id=webhook_id, refused=refused)
    return go(visit.site, f"/companies/{company_id}/webhooks/{webhook_id}?done=webhook-tried")


@post(WEBHOOK + "/deliveries/{delivery_id:str}")
async def send_again(*, visit: Visiting, company_id: Part, webhook_id: Part, delivery_id: Part) -> Response[str]:
    try:
        await visit.control.alerts.send_again(visit.actor, DeliveryId(delivery_id))
    except Refused as refused:
        return await _webhook_page(visit, company_id, webhook_id=webhook_id, refused=refused)
    return go(visit.site, f"/companies/{company_id}/webhooks/{webhook_id}?done=sent-again")


@get(WEBHOOK + "/remove")
async def ask_to_remove(*, visit: Visiting, company_id: Part, webhook_id: Part) -> Response[str]:
    framed = await company_frame(visit, company_id, tab="webhooks")
    one = await visit.control.webhooks.get(visit.actor, WebhookId(webhook_id))
    return page(visit, "company/webhook_remove.html", frame=framed, webhook=one)


@post(WEBHOOK + "/remove")
async def remove_webhook(*, visit: Visiting, company_id: Part, webhook_id: Part) -> Response[str]:
    await visit.control.webhooks.remove(visit.actor, WebhookId(webhook_id))
    return go(visit.site, f"/companies/{company_id}/webhooks?done=webhook-removed")


async def _list_page(visit: Visit, company_id: str, *, form: Form, refused: Refused | None = None) -> Response[str]:
    framed = await company_frame(visit, company_id, tab="webhooks")
    found = await visit.control.webhooks.list(visit.actor, framed.company.id)
    return page(
        visit, "company/webhooks.html", refused=refused, frame=framed, webhooks=found, form=form, most=WEBHOOKS_MAX
    )


async def _webhook_page(
    visit: Visit, company_id: str, *, webhook_id: str, form: Form | None = None, refused: Refused | None = None
) -> Response[str]:
    framed = await company_frame(visit, company_id, tab="webhooks")
    one = await visit.control.webhooks.get(visit.actor, WebhookId(webhook_id))
    if one.company_id != framed.company.id:
        raise Refused("not_found", "The company has no such webhook.")
    deliveries = await visit.control.webhooks.deliveries(visit.actor, one.id)
    return page(
        visit, "company/webhook.html", refused=refused, frame=framed, webhook=one, deliveries=deliveries, form=form
    )


async def _secret_page(visit: Visit, company_id: str, *, made: SecretWebhook) -> Response[str]:
    framed = await company_frame(visit, company_id, tab="webhooks")
    return page(visit, "company/webhook_secret.html", frame=framed, webhook=made.webhook, text=made.secret.text)
