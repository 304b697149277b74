"""Deliveries with a lease: a worker that dies leaves what it was sending to another one.

Instants are microseconds since the epoch. `lease_owner` and the number of attempts say whose a delivery is.
"""

from datetime import timedelta
from typing import Any

from packhouse.adapters.alerts.database import AlertDatabase
from packhouse.adapters.database.connection import Connection, Row
from packhouse.domain.alert import Alert, Channel, Delivery
from packhouse.domain.units import instant
from packhouse.domain.webhook import SigningSecret
from packhouse.ports.alerts import WEBHOOK_AT_ONCE, Dispatch, Place
from packhouse.ports.outside import Clock, Ids

_MICROSECOND = timedelta(microseconds=1)
_SENT_NOW = "SELECT {of}, count(*) AS n FROM alert_delivery WHERE state = 'sending' AND lease_until > ?1 GROUP BY {of}"
_NEXT = (
    "SELECT due.id FROM alert_delivery AS due"  # noqa: S608 - constants of this file
    f" LEFT JOIN ({_SENT_NOW.format(of='target')}) AS to_it ON to_it.target = due.target"
    f" LEFT JOIN ({_SENT_NOW.format(of='company_id')}) AS of_it ON of_it.company_id = due.company_id"
    " WHERE (due.state = 'waiting' AND due.next_at <= ?1 OR due.state = 'sending' AND due.lease_until <= ?1)"
    " AND due.channel IN (?2, ?3)"
    f" AND (due.channel <> 'webhook' OR coalesce(to_it.n, 0) < {WEBHOOK_AT_ONCE})"
    " ORDER BY coalesce(of_it.n, 0), due.next_at, due.id LIMIT 1"
)
"""A receiver that never answers holds its own deliveries back, and its company's while others wait: nobody else's."""
_CLAIMING = "claim of an alert's delivery"
_DELIVERY = "id, company_id, alert_id, channel, target, state, created_at, next_at, attempts, error"
_CLAIM = (
    "UPDATE alert_delivery SET state = 'sending', attempts = attempts + 1, lease_owner = ?4, lease_until = ?5"
    " WHERE id = ({next}{lock}) RETURNING {delivery}"
)
_ALERT = (
    "SELECT id, company_id, resource_id, resource_name, month_start, refill_at, meter, kind, used, limit_amount,"
    " told, runs_dry_at, raised_at FROM alert WHERE id = ?"
)
_PLACE = "SELECT url, secret, previous_secret, previous_until_at FROM webhook WHERE id = ? AND enabled"
_OURS = " WHERE id = ? AND state = 'sending' AND lease_owner = ? AND attempts = ?"
_NO_LEASE = ", lease_owner = NULL, lease_until = NULL"


class SqlOutbox:
    """See `ports.alerts.Outbox`."""

    def __init__(self, database: AlertDatabase, clock: Clock, *, ids: Ids) -> None:
        self._database = database
        self._clock = clock
        self._owner = ids.new("proc")

    async def claim(self, *, lease: timedelta, channel: Channel | None = None) -> Dispatch | None:
        now = self._clock.microseconds()
        looked = (now, channel or "email", channel or "webhook")
        # looking first: where nothing is due, SQLite's one writer is not kept from anybody
        if not await self._database.rows(_NEXT, *looked):
            return None
        values = (*looked, self._owner, now + lease // _MICROSECOND)
        # one claim at a time: two at once would both count what is being sent without the other's
        return await self._database.work(lambda sql: self._claim(sql, values), turns=[_CLAIMING])

    async def delivered(self, delivery: Delivery) -> None:
        await self._end(delivery, "delivered", error="")

    async def failed(self, delivery: Delivery, error: str, *, retry_after: timedelta | None) -> None:
        if retry_after is None:
            await self._end(delivery, "failed", error=error)
            return
        next_at = self._clock.microseconds() + retry_after // _MICROSECOND
        await self._database.rows(
            f"UPDATE alert_delivery SET state = 'waiting', error = ?, next_at = ?{_NO_LEASE}{_OURS}",  # noqa: S608 - constants of this file
            error,
            next_at,
            *self._ours(delivery),
        )

    async def gone(self, delivery: Delivery) -> None:
        await self._database.work(lambda sql: self._gone(sql, delivery), turns=[f"webhook {delivery.target}"])

    async def give_back(self, delivery: Delivery) -> None:
        await self._database.rows(
            f"UPDATE alert_delivery SET state = 'waiting', attempts = attempts - 1{_NO_LEASE}{_OURS}",  # noqa: S608 - constants of this file
            *self._ours(delivery),
        )

    def _claim(self, sql: Connection, values: tuple[Any, ...]) -> Dispatch | None:
        """Blocking. What is read after the claim is this worker's to read: nobody else sends it meanwhile."""
        lock = " FOR UPDATE OF due SKIP LOCKED" if sql.shares_writing else ""
        rows = sql.run(_CLAIM.format(next=_NEXT, lock=lock, delivery=_DELIVERY), values)
        if not rows:
            return None
        delivery = _delivery(rows[0])
        alerts = sql.run(_ALERT, (delivery.alert_id,)) if delivery.alert_id else []
        places = sql.run(_PLACE, (delivery.target,)) if delivery.channel == "webhook" else []
        return Dispatch(
            delivery=delivery,
            alert=_alert(alerts[0]) if alerts else None,
            place=_place(places[0], self._clock.microseconds()) if places else None,
        )

    def _gone(self, sql: Connection, delivery: Delivery) -> None:
        ended = self._ended(delivery, "failed", error="status 410")
        if sql.run(ended[0] + " RETURNING id", ended[1]):
            sql.run("UPDATE webhook SET enabled = FALSE, disabled_reason = 'gone' WHERE id = ?", (delivery.target,))

    async def _end(self, delivery: Delivery, state: str, *, error: str) -> None:
        statement, values = self._ended(delivery, state, error=error)
        await self._database.rows(statement, *values)

    def _ended(self, delivery: Delivery, state: str, *, error: str) -> tuple[str, tuple[Any, ...]]:
        statement = f"UPDATE alert_delivery SET state = ?, error = ?, ended_at = ?{_NO_LEASE}{_OURS}"  # noqa: S608 - constants of this file
        return statement, (state, error, self._clock.microseconds(), *self._ours(delivery))

    def _ours(self, delivery: Delivery) -> tuple[Any, ...]:
        return delivery.id, self._owner, delivery.attempts


def _delivery(row: Row) -> Delivery:
    id_, company_id, alert_id, channel, target, state, created_at, next_at, attempts, error = row
    return Delivery(
        id=id_,
        company_id=company_id,
        alert_id=alert_id,
        channel=channel,
        target=target,
        state=state,
        created_at=instant(created_at),
        next_at=instant(next_at),
        attempts=attempts,
        error=error,
    )


def _alert(row: Row) -> Alert:
    (id_, company_id, resource_id, name, month_start, refill_at, meter, kind, used, limit, told, dry, raised) = row
    return Alert(
        id=id_,
        company_id=company_id,
        resource_id=resource_id,
        resource_name=name,
        month_start_at=instant(month_start),
        refill_at=instant(refill_at),
        meter=meter,
        kind=kind,
        used=used,
        limit=limit,
        told=bool(told),
        runs_dry_at=instant(dry) if dry is not None else None,
        raised_at=instant(raised),
    )


def _place(row: Row, now: int) -> Place:
    url, secret, previous, previous_until = row
    secrets = [secret]
    if previous is not None and previous_until is not None and now < previous_until:
        secrets.append(previous)
    return Place(url=url, secrets=tuple(SigningSecret(bytes(one)) for one in secrets))
