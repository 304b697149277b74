"""Resources, their limits and the requests that made them, in the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import RowMapping, Select, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from packhouse.adapters.sql.repository import Repository, Revision, columns, plain
from packhouse.adapters.sql.tables import membership, provision_request, resource_limit
from packhouse.adapters.sql.tables import resource as table
from packhouse.domain.month import BundleMonth
from packhouse.domain.quota import MeterLimit, Weights
from packhouse.domain.resource import Resource, ScheduledChange, ScheduledDeprovision, ScheduledDowngrade
from packhouse.domain.units import CompanyId, ResourceId, UserId
from packhouse.ports.store import Request


class SqlResources(Repository):
    def __init__(self, sql: AsyncConnection, revision: Revision) -> None:
        super().__init__(sql)
        self._revision = revision

    async def add(self, resource: Resource) -> None:
        await self._revision.rise()
        await self._sql.execute(insert(table).values(**_row(resource)))

    async def get(self, resource_id: ResourceId) -> Resource | None:
        found = await self._list(select(table).where(table.c.id == resource_id))
        return found[0] if found else None

    async def of_company(self, company_id: CompanyId) -> list[Resource]:
        return await self._list(select(table).where(table.c.company_id == company_id))

    async def of_member(self, user_id: UserId) -> list[Resource]:
        return await self._list(select(table).join(membership).where(membership.c.user_id == user_id))

    async def linked_to(self, embeddings_resource_id: ResourceId) -> list[Resource]:
        return await self._list(select(table).where(table.c.embeddings_resource_id == embeddings_resource_id))

    async def replace(self, resource: Resource) -> None:
        await self._revision.rise()
        await self._sql.execute(update(table).where(table.c.id == resource.id).values(**_row(resource)))

    async def limits(self, resource_id: ResourceId, month_start_at: datetime) -> tuple[MeterLimit, ...]:
        return _newest(await self._limits(resource_id), month_start_at)

    async def limits_of(
        self, resource_id: ResourceId, months: Sequence[BundleMonth]
    ) -> Mapping[datetime, tuple[MeterLimit, ...]]:
        rows = await self._limits(resource_id)
        return {month.start_at: _newest(rows, month.start_at) for month in months}

    async def _limits(self, resource_id: ResourceId) -> Sequence[RowMapping]:
        """All that were ever set, a few for each change of plan, the oldest first."""
        table = resource_limit
        query = select(table).where(table.c.resource_id == resource_id).order_by(table.c.from_at)
        return (await self._sql.execute(query)).mappings().all()

    async def set_limits(self, resource_id: ResourceId, limits: Sequence[MeterLimit], *, from_at: datetime) -> None:
        await self._revision.rise()
        table = resource_limit
        later = delete(table).where(table.c.resource_id == resource_id, table.c.from_at >= from_at)
        await self._sql.execute(later)
        rows = [
            {
                "resource_id": resource_id,
                "meter": limit.meter,
                "from_at": from_at,
                "limit_amount": limit.limit,
                **{f"{name}_weight": weight for name, weight in columns(limit.weights).items()},
            }
            for limit in limits
        ]
        if rows:
            await self._sql.execute(insert(table), rows)

    async def request(self, company_id: CompanyId, idempotency_key: str) -> Request | None:
        requests = provision_request
        query = select(
            requests.c.company_id, requests.c.idempotency_key, requests.c.order_digest, requests.c.resource_id
        ).where(requests.c.company_id == company_id, requests.c.idempotency_key == idempotency_key)
        return await self._one(query, Request)

    async def add_request(self, request: Request, at: datetime) -> None:
        await self._sql.execute(insert(provision_request).values(**columns(request), created_at=at))

    async def _list(self, query: Select[Any]) -> list[Resource]:
        rows = (await self._sql.execute(query.order_by(table.c.created_at, table.c.id))).mappings()
        return [_resource(row) for row in rows]


def _newest(rows: Sequence[RowMapping], month_start_at: datetime) -> tuple[MeterLimit, ...]:
    """Of each meter, by name."""
    found = {row["meter"]: _limit(row) for row in rows if row["from_at"] <= month_start_at}
    return tuple(found[meter] for meter in sorted(found))


def _row(resource: Resource) -> Mapping[str, Any]:
    scheduled = resource.scheduled
    downgrade = scheduled if isinstance(scheduled, ScheduledDowngrade) else None
    return {
        **columns(resource, "scheduled", "suspensions"),
        "suspension": ",".join(sorted(resource.suspensions)),
        "ends_at": resource.ends_at,
        "next_plan": downgrade and downgrade.plan,
        "next_plan_at": downgrade and downgrade.effective_at,
    }


def _resource(row: RowMapping) -> Resource:
    scheduled: ScheduledChange | None = None
    if row["ends_at"] is not None:
        scheduled = ScheduledDeprovision(row["ends_at"])
    elif row["next_plan"] is not None:
        scheduled = ScheduledDowngrade(row["next_plan_at"], row["next_plan"])
    suspensions = [reason for reason in row["suspension"].split(",") if reason]
    value = msgspec.convert({**plain(row), "suspensions": suspensions}, Resource)
    return msgspec.structs.replace(value, scheduled=scheduled)


def _limit(row: RowMapping) -> MeterLimit:
    weights = Weights(row["input_weight"], row["output_weight"], row["cache_read_weight"], row["cache_write_weight"])
    return MeterLimit(row["meter"], weights, row["limit_amount"])
