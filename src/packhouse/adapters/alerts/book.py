"""How packs stand, and alerts put down once with their deliveries. Instants are microseconds since the epoch."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from packhouse.adapters.alerts.database import AlertDatabase
from packhouse.adapters.database.connection import Connection, Row
from packhouse.adapters.database.limits import limits_of
from packhouse.domain.alert import LEAST_PERCENT, Alert, AlertKind, Channel, Standing
from packhouse.domain.consumption import months_back
from packhouse.domain.forecast import DayTokens
from packhouse.domain.month import BundleMonth, bundle_month
from packhouse.domain.units import CompanyId, ModelTokens, ResourceId, instant, microseconds
from packhouse.ports.alerts import KnowledgeBase, Known, PackDays
from packhouse.ports.outside import Clock, Ids

MONTH_MAX = timedelta(days=32)
"""A bundle month that runs began within it."""
_DAY = 86_400_000_000

_ACTIVE = "r.activated_at IS NOT NULL AND r.deprovisioned_at IS NULL AND (r.ends_at IS NULL OR r.ends_at > ?1)"
_IN_FORCE = (
    "SELECT max(m.from_at) FROM resource_limit m WHERE m.resource_id = l.resource_id AND m.meter = l.meter"
    " AND m.from_at <= "
)
_NEARING = (
    "SELECT r.company_id, r.id, r.display_name, r.activated_at, u.month_start, u.meter, u.used, l.limit_amount"  # noqa: S608 - constants of this file
    " FROM resource r JOIN usage_total u ON u.resource_id = r.id AND u.month_start > ?2"
    " JOIN resource_limit l ON l.resource_id = r.id AND l.meter = u.meter"
    f" AND l.from_at = ({_IN_FORCE} u.month_start) WHERE {_ACTIVE}"
    f" AND l.limit_amount > 0 AND u.used * 100 >= l.limit_amount * {LEAST_PERCENT}"
    " AND NOT EXISTS (SELECT 1 FROM alert a WHERE a.resource_id = u.resource_id AND a.month_start = u.month_start"
    " AND a.meter = u.meter AND (a.kind = 'used_100'"
    " OR a.kind = 'used_90' AND u.used * 1000 < l.limit_amount * 995"
    " OR a.kind = 'used_80' AND u.used * 100 < l.limit_amount * 90))"
)
"""Of what is said already it leaves out what it can; `domain.alert` decides about the rest."""
_KINDS = "SELECT kind FROM alert WHERE resource_id = ? AND month_start = ? AND meter = ?"
_UNSEEN = (
    "SELECT r.company_id, r.id, r.display_name, r.activated_at FROM resource r"  # noqa: S608 - constants of this file
    " LEFT JOIN alert_look a ON a.resource_id = r.id"
    f" WHERE {_ACTIVE} AND r.type <> 'knowledge_base' AND (a.looked_at IS NULL OR a.looked_at <= ?2)"
    " AND EXISTS (SELECT 1 FROM usage_total u WHERE u.resource_id = r.id AND u.month_start > ?3)"
    " ORDER BY coalesce(a.looked_at, 0), r.id LIMIT ?4"
)
_TAKE = (
    "INSERT INTO alert_look (resource_id, looked_at) VALUES (?, ?) ON CONFLICT (resource_id)"
    " DO UPDATE SET looked_at = excluded.looked_at WHERE alert_look.looked_at <= ? RETURNING resource_id"
)
_USED = "SELECT meter, used FROM usage_total WHERE resource_id = ? AND month_start = ?"
_DAYS = (
    "SELECT day_at, month_start, CAST(sum(input) AS BIGINT), CAST(sum(output) AS BIGINT),"
    " CAST(sum(cache_read) AS BIGINT), CAST(sum(cache_write) AS BIGINT) FROM usage_day"
    " WHERE resource_id = ? AND day_at >= ? GROUP BY day_at, month_start ORDER BY day_at, month_start"
)
_BASES = (
    "SELECT r.company_id, r.id, r.display_name, r.activated_at, r.plan FROM resource r"  # noqa: S608 - constants of this file
    f" WHERE {_ACTIVE} AND r.type = 'knowledge_base' ORDER BY r.id"
)
_PUT = (
    "INSERT INTO alert (id, company_id, resource_id, resource_name, month_start, refill_at, meter, kind, used,"
    " limit_amount, told, runs_dry_at, raised_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (resource_id, month_start, meter, kind) DO NOTHING RETURNING id"
)
_PEOPLE = (
    "SELECT u.id, u.email FROM membership m JOIN app_user u ON u.id = m.user_id"
    " WHERE m.resource_id = ?1 AND u.disabled_at IS NULL"
    " UNION SELECT u.id, u.email FROM app_user u"
    " WHERE u.company_id = ?2 AND u.role = 'admin' AND u.disabled_at IS NULL"
)
_CREATED_FOR = (
    "SELECT r.created_for_email FROM resource r WHERE r.id = ?1 AND r.created_for_email <> ''"
    " AND NOT EXISTS (SELECT 1 FROM app_user u WHERE u.email = lower(r.created_for_email)"
    " AND (u.disabled_at IS NOT NULL OR EXISTS"
    " (SELECT 1 FROM alert_mute m WHERE m.user_id = u.id AND m.resource_id IN ('', ?1))))"
)
_MUTED = "SELECT user_id FROM alert_mute WHERE resource_id IN ('', ?)"
_WEBHOOKS = "SELECT id FROM webhook WHERE company_id = ? AND enabled ORDER BY id"
_SEND = (
    "INSERT INTO alert_delivery (id, company_id, alert_id, channel, target, state, attempts, error, created_at,"
    " next_at) VALUES (?, ?, ?, ?, ?, 'waiting', 0, '', ?, ?)"
)


class SqlAlertBook:
    """See `ports.alerts.AlertBook`."""

    def __init__(self, database: AlertDatabase, clock: Clock, *, ids: Ids) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids

    async def nearing(self) -> list[Known]:
        now = self._clock.now()
        at = microseconds(now)
        found = await self._database.rows(_NEARING, at, microseconds(now - MONTH_MAX))
        standings = [_standing(row, now) for row in found]
        running = [one for one in standings if one is not None]
        return [Known(one, await self.kinds(one)) for one in running]

    async def kinds(self, standing: Standing) -> frozenset[AlertKind]:
        start = microseconds(standing.month_start_at)
        rows = await self._database.rows(_KINDS, standing.resource_id, start, standing.meter)
        return frozenset(kind for (kind,) in rows)

    async def to_forecast(self, *, every: timedelta, at_most: int, months: int) -> list[PackDays]:
        now = self._clock.now()
        at, seen = microseconds(now), microseconds(now - every)
        rows = await self._database.rows(_UNSEEN, at, seen, microseconds(now - MONTH_MAX), at_most)
        found = list[PackDays]()
        for row in rows:
            if await self._database.rows(_TAKE, row[1], at, seen):
                running = months_back(instant(row[3]), now=now, count=months)
                found.append(await self._database.work(partial(_pack_days, row=row, months=running)))
        return found

    async def knowledge_bases(self) -> list[KnowledgeBase]:
        rows = await self._database.rows(_BASES, self._clock.microseconds())
        return [
            KnowledgeBase(
                company_id=company_id, resource_id=id_, resource_name=name, anchor_at=instant(activated_at), plan=plan
            )
            for company_id, id_, name, activated_at, plan in rows
        ]

    async def put(self, alerts: Sequence[Alert], *, by_mail: bool) -> list[Alert]:
        if not alerts:
            return []
        turns = [f"alert {alert.resource_id}" for alert in alerts]
        return await self._database.work(
            lambda sql: [alert for alert in alerts if self._new(sql, alert, by_mail=by_mail)], turns=turns
        )

    def _new(self, sql: Connection, alert: Alert, *, by_mail: bool) -> bool:
        """Blocking, within a transaction. The table's own rule decides, whoever else raises it now."""
        if not sql.run(_PUT, _row(alert)):
            return False
        if alert.told:
            at = microseconds(alert.raised_at)
            for channel, target in _recipients(sql, alert, by_mail=by_mail):
                id_ = self._ids.new("dlv")
                sql.run(_SEND, (id_, alert.company_id, alert.id, channel, target, at, at))
        return True


def _standing(row: Row, now: datetime) -> Standing | None:
    """None where the month is over."""
    company_id, resource_id, name, activated_at, month_start, meter, used, limit = row
    month = bundle_month(instant(activated_at), now)
    if microseconds(month.start_at) != month_start:
        return None
    return Standing(
        company_id=CompanyId(company_id),
        resource_id=ResourceId(resource_id),
        resource_name=name,
        month_start_at=month.start_at,
        refill_at=month.end_at,
        meter=meter,
        used=used,
        limit=limit,
    )


def _pack_days(sql: Connection, *, row: Row, months: Sequence[BundleMonth]) -> PackDays:
    """`months` are the running one and those before it. Blocking."""
    company_id, resource_id, name, activated_at = row
    first = microseconds(months[-1].start_at)
    days = sql.run(_DAYS, (resource_id, first - first % _DAY))
    return PackDays(
        company_id=CompanyId(company_id),
        resource_id=ResourceId(resource_id),
        resource_name=name,
        anchor_at=instant(activated_at),
        limits={
            one.start_at: tuple(limits_of(sql, resource_id, month_start=microseconds(one.start_at))) for one in months
        },
        used=dict(sql.run(_USED, (resource_id, microseconds(months[0].start_at)))),
        days=tuple(
            DayTokens(instant(day).date(), instant(month_start), ModelTokens(*tokens))
            for day, month_start, *tokens in days
        ),
    )


def _row(alert: Alert) -> tuple[object, ...]:
    return (
        alert.id,
        alert.company_id,
        alert.resource_id,
        alert.resource_name,
        microseconds(alert.month_start_at),
        microseconds(alert.refill_at),
        alert.meter,
        alert.kind,
        alert.used,
        alert.limit,
        alert.told,
        microseconds(alert.runs_dry_at) if alert.runs_dry_at is not None else None,
        microseconds(alert.raised_at),
    )


def _recipients(sql: Connection, alert: Alert, *, by_mail: bool) -> Iterator[tuple[Channel, str]]:
    """Blocking."""
    if by_mail:
        for address in _addresses(sql, alert):
            yield "email", address
    for (webhook_id,) in sql.run(_WEBHOOKS, (alert.company_id,)):
        yield "webhook", webhook_id


def _addresses(sql: Connection, alert: Alert) -> Iterable[str]:
    muted = {user_id for (user_id,) in sql.run(_MUTED, (alert.resource_id,))}
    people = sql.run(_PEOPLE, (alert.resource_id, alert.company_id))
    found = {email for user_id, email in people if user_id not in muted}
    found.update(email.lower() for (email,) in sql.run(_CREATED_FOR, (alert.resource_id,)))
    return sorted(found)
