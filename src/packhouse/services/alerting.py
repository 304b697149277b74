"""Raising alerts: looking at how packs stand, and putting down what is to be said, once a bundle month each.

Several workers may look at once: what is put down is decided by the book, in one transaction with the deliveries.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from packhouse.domain.alert import DISK, Alert, AlertKind, Standing, passed, unsaid
from packhouse.domain.catalog import Catalog
from packhouse.domain.forecast import forecasts
from packhouse.domain.month import bundle_month
from packhouse.domain.units import AlertId
from packhouse.ports.alerts import AlertBook, KnowledgeBase, PackDays
from packhouse.ports.outside import Clock, Ids
from packhouse.ports.vectors import KnowledgeSizes
from packhouse.services.consumption import LOOKED_BACK

FORECAST_EVERY = timedelta(hours=1)
FORECASTS_AT_ONCE = 200
"""A look each minute comes to twelve thousand packs an hour."""


class Alerting:
    """`by_mail`: whether e-mail is set up."""

    def __init__(
        self, book: AlertBook, clock: Clock, *, ids: Ids, catalog: Catalog, sizes: KnowledgeSizes, by_mail: bool
    ) -> None:
        self._book = book
        self._clock = clock
        self._ids = ids
        self._catalog = catalog
        self._sizes = sizes
        self._by_mail = by_mail

    async def look(self) -> list[Alert]:
        """Meters of model packs against their limits; the new alerts."""
        alerts = [
            self._alert(known.standing, kind, told=told)
            for known in await self._book.nearing()
            for kind, told in unsaid(known.standing, known.kinds)
        ]
        return await self._book.put(alerts, by_mail=self._by_mail)

    async def look_ahead(self) -> list[Alert]:
        """The forecasts of packs that nobody has forecast for an hour; the new alerts."""
        packs = await self._book.to_forecast(every=FORECAST_EVERY, at_most=FORECASTS_AT_ONCE, months=LOOKED_BACK)
        return await self._book.put([alert for pack in packs for alert in self._ahead(pack)], by_mail=self._by_mail)

    async def look_at_disks(self) -> list[Alert]:
        """Knowledge bases against their disks; the new alerts."""
        raised = list[Alert]()
        for base in await self._book.knowledge_bases():
            standing = await self._disk(base)
            if standing is None or not passed(standing.used, standing.limit):
                continue
            new = unsaid(standing, await self._book.kinds(standing))
            alerts = [self._alert(standing, kind, told=told) for kind, told in new]
            raised += await self._book.put(alerts, by_mail=self._by_mail)
        return raised

    def _ahead(self, pack: PackDays) -> Iterable[Alert]:
        now = self._clock.now()
        month = bundle_month(pack.anchor_at, now)
        found = forecasts(month, now=now, anchor_at=pack.anchor_at, limits=pack.limits, used=pack.used, days=pack.days)
        for limit in pack.limits.get(month.start_at, ()):
            used, ahead = pack.used.get(limit.meter, 0), found[limit.meter]
            if "used_100" in passed(used, limit.limit) or ahead is None:
                continue  # that it is used up is said already
            if ahead.likely and ahead.runs_dry_at is not None:
                standing = Standing(
                    company_id=pack.company_id,
                    resource_id=pack.resource_id,
                    resource_name=pack.resource_name,
                    month_start_at=month.start_at,
                    refill_at=month.end_at,
                    meter=limit.meter,
                    used=used,
                    limit=limit.limit,
                )
                yield self._alert(standing, "runs_dry", runs_dry_at=ahead.runs_dry_at)

    async def _disk(self, base: KnowledgeBase) -> Standing | None:
        limit = self._catalog.disk_bytes_of(base.plan, "knowledge_base")
        if not limit:
            return None
        month = bundle_month(base.anchor_at, self._clock.now())
        return Standing(
            company_id=base.company_id,
            resource_id=base.resource_id,
            resource_name=base.resource_name,
            month_start_at=month.start_at,
            refill_at=month.end_at,
            meter=DISK,
            used=(await self._sizes.size(base.resource_id)).disk_bytes,
            limit=limit,
        )

    def _alert(
        self, standing: Standing, kind: AlertKind, *, told: bool = True, runs_dry_at: datetime | None = None
    ) -> Alert:
        return Alert(
            id=AlertId(self._ids.new("alr")),
            kind=kind,
            raised_at=self._clock.now(),
            told=told,
            runs_dry_at=runs_dry_at,
            **{name: getattr(standing, name) for name in Standing.__struct_fields__},
        )
