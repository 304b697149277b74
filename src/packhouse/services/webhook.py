"""A company's webhooks: added with a secret that is shown once, changed, rotated, tried, removed."""

from base64 import b64decode

import msgspec

from packhouse.domain.activity import Deed
from packhouse.domain.alert import TRIALS_PENDING_MAX, Delivery
from packhouse.domain.company import checked_name
from packhouse.domain.errors import Refused
from packhouse.domain.units import CompanyId, DeliveryId, WebhookId
from packhouse.domain.user import Actor, Secret
from packhouse.domain.webhook import (
    ROTATION_OVERLAP,
    SECRET_BYTES,
    WEBHOOKS_MAX,
    SigningSecret,
    Webhook,
    write_secret,
)
from packhouse.services.access import company_administered, not_found
from packhouse.services.context import Act, Context
from packhouse.services.webhook_url import checked_url

DELIVERIES_MAX = 50


class SecretWebhook(msgspec.Struct, frozen=True):
    """`secret` (`whsec_…`) is shown this once."""

    webhook: Webhook
    secret: Secret


class Webhooks:
    """For the company's admins and operators; for others there are none."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def get(self, actor: Actor, webhook_id: WebhookId) -> Webhook:
        """Refused: not_found."""
        async with self._context.reading(actor) as act:
            return await _seen(act, webhook_id)

    async def add(self, actor: Actor, company_id: CompanyId, *, url: str, description: str = "") -> SecretWebhook:
        """Refused: not_found, forbidden, invalid_request (the URL), conflict (the company has all it may have, or one
        for that URL)."""
        url = checked_url(url, private=self._context.telling.private_addresses)
        secret = self._secret()
        async with self._context.writing(actor) as act:
            await company_administered(act, company_id)
            await _refuse_twice(act, company_id, url=url)
            if len(await act.work.webhooks.of_company(company_id)) >= WEBHOOKS_MAX:
                raise Refused("conflict", f"A company has at most {WEBHOOKS_MAX} webhooks. Remove one first.")
            webhook = Webhook(
                id=WebhookId(self._context.ids.new("whk")),
                company_id=company_id,
                url=url,
                description=_checked_description(description),
                created_by=actor.user_id,
                created_at=act.now,
            )
            await act.work.webhooks.add(webhook, secret)
            await _log(act, webhook, ("host", webhook.host), verb="webhook.added")
        return SecretWebhook(webhook, Secret(write_secret(secret.raw)))

    async def change(
        self,
        actor: Actor,
        webhook_id: WebhookId,
        *,
        url: str | None = None,
        description: str | None = None,
        enabled: bool | None = None,
    ) -> Webhook:
        """What is None stays. Refused: not_found, invalid_request, conflict (another one has the URL)."""
        async with self._context.writing(actor) as act:
            webhook = await _seen(act, webhook_id)
            changes: dict[str, object] = {}
            if url is not None:
                url = changes["url"] = checked_url(url, private=self._context.telling.private_addresses)
                if url != webhook.url:
                    await _refuse_twice(act, webhook.company_id, url=url)
            if description is not None:
                changes["description"] = _checked_description(description)
            if enabled is not None:
                changes |= {"enabled": enabled, "disabled_reason": ""}
            changed = msgspec.structs.replace(webhook, **changes)
            if changed != webhook:
                await act.work.webhooks.replace(changed)
                enabled_now = ("enabled", str(changed.enabled).lower())
                await _log(act, changed, ("host", changed.host), enabled_now, verb="webhook.changed")
        return changed

    async def rotate(self, actor: Actor, webhook_id: WebhookId) -> SecretWebhook:
        """A new secret; the one before signs too for 24 hours. Refused: not_found, conflict (the one before still does:
        a third one would end it sooner than was promised)."""
        secret = self._secret()
        async with self._context.writing(actor) as act:
            webhook = await _seen(act, webhook_id)
            before = webhook.previous_until_at
            if before is not None and act.now < before:
                raise Refused(
                    "conflict",
                    f"The secret before this one signs until {before:%Y-%m-%d %H:%M} UTC. Make a new one after that,"
                    " or remove the webhook and add it anew where a secret is in wrong hands.",
                )
            until = act.now + ROTATION_OVERLAP
            await act.work.webhooks.rotate(webhook_id, secret, previous_until_at=until)
            await _log(act, webhook, verb="webhook.rotated")
        rotated = msgspec.structs.replace(webhook, previous_until_at=until)
        return SecretWebhook(rotated, Secret(write_secret(secret.raw)))

    async def remove(self, actor: Actor, webhook_id: WebhookId) -> None:
        """What was not delivered to it yet never will be. Refused: not_found."""
        async with self._context.writing(actor) as act:
            webhook = await _seen(act, webhook_id)
            await act.work.webhooks.remove(webhook_id)
            await _log(act, webhook, ("host", webhook.host), verb="webhook.removed")

    async def test(self, actor: Actor, webhook_id: WebhookId) -> Delivery:
        """A trial message, sent by the worker in a moment; `deliveries` tells what came of it.

        Refused: not_found, conflict (it is disabled, or has all the pending trials it may have).
        """
        async with self._context.writing(actor) as act:
            webhook = await _seen(act, webhook_id)
            if not webhook.enabled:
                raise Refused("conflict", "The webhook is disabled. Enable it first.")
            await refuse_many_trials(act, webhook_id)
            delivery = Delivery(
                id=DeliveryId(self._context.ids.new("dlv")),
                company_id=webhook.company_id,
                alert_id=None,
                channel="webhook",
                target=webhook_id,
                state="waiting",
                created_at=act.now,
                next_at=act.now,
            )
            await act.work.alerts.add_delivery(delivery)
            await _log(act, webhook, verb="webhook.tested")
        return delivery

    async def deliveries(self, actor: Actor, webhook_id: WebhookId) -> list[Delivery]:
        """Newest first, trials included. Refused: not_found."""
        async with self._context.reading(actor) as act:
            await _seen(act, webhook_id)
            return await act.work.alerts.deliveries_to(webhook_id, limit=DELIVERIES_MAX)

    async def list(self, actor: Actor, company_id: CompanyId) -> list[Webhook]:
        """In the order in which they were made. Refused: not_found, forbidden."""
        async with self._context.reading(actor) as act:
            await company_administered(act, company_id)
            return await act.work.webhooks.of_company(company_id)

    def _secret(self) -> SigningSecret:
        """Random base-62 characters are base64 too: four of them are three bytes."""
        return SigningSecret(b64decode(self._context.ids.secret(-(-SECRET_BYTES // 3) * 4)))


async def refuse_many_trials(act: Act, webhook_id: WebhookId) -> None:
    """Refused(conflict) where one more trial would be too many: there is nothing to learn from it yet."""
    if await act.work.alerts.trials_pending(webhook_id) >= TRIALS_PENDING_MAX:
        raise Refused(
            "conflict",
            f"{TRIALS_PENDING_MAX} trials of the webhook are on their way. See what comes of them, then try again.",
        )


async def _seen(act: Act, webhook_id: WebhookId) -> Webhook:
    webhook = await act.work.webhooks.get(webhook_id)
    if webhook is None or not act.actor.administers(webhook.company_id):
        raise not_found("webhook", webhook_id)
    return webhook


async def _refuse_twice(act: Act, company_id: CompanyId, *, url: str) -> None:
    """A page that is sent once more must not make a second webhook, to which every alert goes too."""
    for other in await act.work.webhooks.of_company(company_id):
        if other.url == url:
            named = other.description or other.id
            raise Refused("conflict", f"The company has a webhook for that URL already: {named}.", field="url")


def _checked_description(description: str) -> str:
    if not description.strip():
        return ""
    return checked_name(description, "description")


async def _log(act: Act, webhook: Webhook, *facts: tuple[str, str], verb: str) -> None:
    await act.log(Deed(company_id=webhook.company_id, verb=verb, subject_id=webhook.id, facts=facts))
