"""Alerts and their deliveries as the control plane sees them, and who wants none by e-mail."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update

from packhouse.adapters.sql.repository import Repository, columns
from packhouse.adapters.sql.tables import alert as alerts
from packhouse.adapters.sql.tables import alert_delivery as deliveries
from packhouse.adapters.sql.tables import alert_mute as mutes
from packhouse.domain.alert import Alert, Delivery, Mute
from packhouse.domain.units import AlertId, CompanyId, DeliveryId, ResourceId, UserId, WebhookId

_ALERT = select(
    *(column for column in alerts.c if column.name not in ("month_start", "limit_amount")),
    alerts.c.month_start.label("month_start_at"),
    alerts.c.limit_amount.label("limit"),
).order_by(alerts.c.raised_at.desc(), alerts.c.id.desc())
_DELIVERY = select(*(deliveries.c[name] for name in Delivery.__struct_fields__))
_EVERY = ""
"""The resource of a mute that is about all of them: a part of a primary key cannot be NULL."""


class SqlAlerts(Repository):
    async def of_resource(self, resource_id: ResourceId, *, limit: int) -> list[Alert]:
        return await self._all(_ALERT.where(alerts.c.resource_id == resource_id).limit(limit), Alert)

    async def of_company(self, company_id: CompanyId, *, limit: int) -> list[Alert]:
        return await self._all(_ALERT.where(alerts.c.company_id == company_id).limit(limit), Alert)

    async def deliveries(self, alert_ids: Iterable[AlertId]) -> Mapping[AlertId, list[Delivery]]:
        query = _DELIVERY.where(deliveries.c.alert_id.in_(set(alert_ids))).order_by(deliveries.c.id)
        found: dict[AlertId, list[Delivery]] = {}
        for one in await self._all(query, Delivery):
            assert one.alert_id is not None
            found.setdefault(one.alert_id, []).append(one)
        return found

    async def deliveries_to(self, webhook_id: WebhookId, *, limit: int) -> list[Delivery]:
        theirs = _DELIVERY.where(deliveries.c.target == webhook_id)
        newest = theirs.order_by(deliveries.c.created_at.desc(), deliveries.c.id.desc())
        return await self._all(newest.limit(limit), Delivery)

    async def delivery(self, delivery_id: DeliveryId) -> Delivery | None:
        return await self._one(_DELIVERY.where(deliveries.c.id == delivery_id), Delivery)

    async def add_delivery(self, delivery: Delivery) -> None:
        await self._sql.execute(insert(deliveries).values(**columns(delivery)))

    async def trials_pending(self, webhook_id: WebhookId) -> int:
        pending = (deliveries.c.alert_id.is_(None), deliveries.c.state.in_(("waiting", "sending")))
        query = select(func.count()).select_from(deliveries).where(deliveries.c.target == webhook_id, *pending)
        return (await self._sql.execute(query)).scalar_one()

    async def send_again(self, delivery_id: DeliveryId, *, at: datetime) -> bool:
        again = (
            update(deliveries)
            .where(deliveries.c.id == delivery_id, deliveries.c.state.in_(("waiting", "failed")))
            .values(state="waiting", attempts=0, next_at=at, ended_at=None)
        )
        return (await self._sql.execute(again)).rowcount == 1

    async def mutes(self, user_id: UserId) -> list[Mute]:
        rows = await self._sql.execute(select(mutes).where(mutes.c.user_id == user_id).order_by(mutes.c.muted_at))
        return [Mute(UserId(row.user_id), ResourceId(row.resource_id) or None, row.muted_at) for row in rows]

    async def mute(self, mute: Mute) -> None:
        if all(one.resource_id != mute.resource_id for one in await self.mutes(mute.user_id)):
            values = {**columns(mute), "resource_id": mute.resource_id or _EVERY}
            await self._sql.execute(insert(mutes).values(**values))

    async def unmute(self, user_id: UserId, resource_id: ResourceId | None) -> None:
        theirs = (mutes.c.user_id == user_id, mutes.c.resource_id == (resource_id or _EVERY))
        await self._sql.execute(delete(mutes).where(*theirs))
