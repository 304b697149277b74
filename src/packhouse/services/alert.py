"""Alerts as people see them: what was said of a pack and to whom, said once more, or not by e-mail at all."""

import msgspec

from packhouse.domain.activity import INSTALLATION, Deed
from packhouse.domain.alert import Alert, Delivery, Mute
from packhouse.domain.errors import Refused
from packhouse.domain.units import CompanyId, DeliveryId, ResourceId, WebhookId
from packhouse.domain.user import Actor
from packhouse.services.access import company_administered, not_found, resource_seen
from packhouse.services.context import Act, Context
from packhouse.services.webhook import refuse_many_trials

ALERTS_MAX = 200


class DeliveryView(msgspec.Struct, frozen=True):
    """`recipient` is an e-mail address, or what the webhook is called."""

    delivery: Delivery
    recipient: str


class AlertView(msgspec.Struct, frozen=True):
    alert: Alert
    deliveries: tuple[DeliveryView, ...]


class Muting(msgspec.Struct, frozen=True):
    """What somebody gets by e-mail about a resource: nothing where either is so. `by_mail`: whether there is e-mail."""

    resource: bool
    every: bool
    by_mail: bool


class Alerts:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def of_resource(self, actor: Actor, resource_id: ResourceId) -> list[AlertView]:
        """Newest first. For the team, the company's admins and operators. Refused: not_found."""
        async with self._context.reading(actor) as act:
            resource = await resource_seen(act, resource_id)
            alerts = await act.work.alerts.of_resource(resource_id, limit=ALERTS_MAX)
            return await _views(act, alerts, company_id=resource.company_id)

    async def of_company(self, actor: Actor, company_id: CompanyId) -> list[AlertView]:
        """Of all its resources, newest first. For the company's admins and operators. Refused: not_found, forbidden."""
        async with self._context.reading(actor) as act:
            await company_administered(act, company_id)
            alerts = await act.work.alerts.of_company(company_id, limit=ALERTS_MAX)
            return await _views(act, alerts, company_id=company_id)

    async def send_again(self, actor: Actor, delivery_id: DeliveryId) -> DeliveryView:
        """At once, with all its attempts before it, under the same id. For the company's admins and operators.

        Refused: not_found, forbidden, conflict (it was delivered, or is being sent at this moment).
        """
        async with self._context.writing(actor) as act:
            delivery = await act.work.alerts.delivery(delivery_id)
            if delivery is None or not actor.belongs_to(delivery.company_id):
                raise not_found("delivery", delivery_id)
            await company_administered(act, delivery.company_id)
            await _refuse_what_is_done(act, delivery)
            if not await act.work.alerts.send_again(delivery_id, at=act.now):
                raise Refused("conflict", "It is being sent at this moment. Look again.")
            facts = (("channel", delivery.channel), ("alert", delivery.alert_id or "test"))
            await act.log(
                Deed(company_id=delivery.company_id, verb="alert.sent_again", subject_id=delivery_id, facts=facts)
            )
            changed = await act.work.alerts.delivery(delivery_id)
            assert changed is not None
            return DeliveryView(changed, await _recipient(act, changed))

    async def muting(self, actor: Actor, resource_id: ResourceId) -> Muting:
        """The actor's own. Refused: not_found."""
        async with self._context.reading(actor) as act:
            await resource_seen(act, resource_id)
            return await self._muting(act, resource_id)

    async def mute(self, actor: Actor, resource_id: ResourceId | None, *, muted: bool) -> Muting:
        """No e-mail to the actor about a resource, or about any (None); or e-mail again. Twice is fine.

        Refused: not_found.
        """
        async with self._context.writing(actor) as act:
            resource = await resource_seen(act, resource_id) if resource_id is not None else None
            known = any(one.resource_id == resource_id for one in await act.work.alerts.mutes(actor.user_id))
            if muted and not known:
                await act.work.alerts.mute(Mute(actor.user_id, resource_id, act.now))
            if known and not muted:
                await act.work.alerts.unmute(actor.user_id, resource_id)
            if known != muted:
                company_id = resource.company_id if resource is not None else actor.company_id or INSTALLATION
                verb = "alert.muted" if muted else "alert.unmuted"
                await act.log(Deed(company_id=company_id, verb=verb, subject_id=actor.user_id, resource_id=resource_id))
            return await self._muting(act, resource_id)

    async def _muting(self, act: Act, resource_id: ResourceId | None) -> Muting:
        muted = {one.resource_id for one in await act.work.alerts.mutes(act.actor.user_id)}
        by_mail = self._context.telling.by_mail
        return Muting(resource=resource_id in muted, every=None in muted, by_mail=by_mail)


async def _refuse_what_is_done(act: Act, delivery: Delivery) -> None:
    """Refused(conflict): it was delivered, or there is nowhere to send it, or no room."""
    if delivery.state == "delivered":
        assert delivery.ended_at is not None
        raise Refused("conflict", f"It was delivered at {delivery.ended_at:%Y-%m-%d %H:%M} UTC.")
    if delivery.channel == "webhook":
        webhook = await act.work.webhooks.get(WebhookId(delivery.target))
        if webhook is None or not webhook.enabled:
            raise Refused("conflict", "Its webhook is disabled or removed. Enable it first.")
        if delivery.is_trial and delivery.state == "failed":
            await refuse_many_trials(act, webhook.id)


async def _views(act: Act, alerts: list[Alert], *, company_id: CompanyId) -> list[AlertView]:
    deliveries = await act.work.alerts.deliveries(alert.id for alert in alerts)
    names = {str(one.id): one.description or one.host for one in await act.work.webhooks.of_company(company_id)}
    return [
        AlertView(
            alert,
            tuple(DeliveryView(one, names.get(one.target, one.target)) for one in deliveries.get(alert.id, ())),
        )
        for alert in alerts
    ]


async def _recipient(act: Act, delivery: Delivery) -> str:
    if delivery.channel == "email":
        return delivery.target
    webhook = await act.work.webhooks.get(WebhookId(delivery.target))
    return delivery.target if webhook is None else webhook.description or webhook.host
