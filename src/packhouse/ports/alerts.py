"""What we need to raise alerts and to get them delivered: how packs stand, and an outbox with leases.

The worker's view of what the control plane shows; several workers use it at once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from packhouse.domain.alert import Alert, AlertKind, Channel, Delivery, Standing
from packhouse.domain.content import Content
from packhouse.domain.forecast import DayTokens
from packhouse.domain.quota import MeterLimit
from packhouse.domain.units import CompanyId, ResourceId
from packhouse.domain.webhook import SigningSecret

WEBHOOK_AT_ONCE = 2
"""How many messages one webhook is sent at a time."""


class Known(msgspec.Struct, frozen=True):
    """How a meter stands, and which alerts its bundle month has had."""

    standing: Standing
    kinds: frozenset[AlertKind]


class PackDays(msgspec.Struct, frozen=True, kw_only=True):
    """An active pack with what a forecast needs: the limits of its bundle months by their starts, what the running
    one has used by meter, and the days since the first of them."""

    company_id: CompanyId
    resource_id: ResourceId
    resource_name: str
    anchor_at: datetime
    limits: Mapping[datetime, tuple[MeterLimit, ...]]
    used: Mapping[str, int]
    days: tuple[DayTokens, ...]


class KnowledgeBase(msgspec.Struct, frozen=True, kw_only=True):
    """An active knowledge base."""

    company_id: CompanyId
    resource_id: ResourceId
    resource_name: str
    anchor_at: datetime
    plan: str


class Place(Content, frozen=True, kw_only=True):
    """Where a webhook's messages go; `secrets` are those that sign now."""

    url: str
    secrets: tuple[SigningSecret, ...]


class Dispatch(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that is this worker's until its lease ends. `alert` is None for a trial, `place` for an e-mail, and
    for a webhook that is disabled or gone."""

    delivery: Delivery
    alert: Alert | None
    place: Place | None


class AlertBook(Protocol):
    async def nearing(self) -> list[Known]:
        """Meters of active packs that have used 80 % of their limit or more in the running bundle month, but for those
        of which all is said, as far as a look tells."""
        ...

    async def kinds(self, standing: Standing) -> frozenset[AlertKind]:
        """What was said of it in its bundle month."""
        ...

    async def to_forecast(self, *, every: timedelta, at_most: int, months: int) -> list[PackDays]:
        """Active model packs with use in the running bundle month that no worker was given within `every`, with what
        was so in that many bundle months."""
        ...

    async def knowledge_bases(self) -> list[KnowledgeBase]:
        """All active ones."""
        ...

    async def put(self, alerts: Sequence[Alert], *, by_mail: bool) -> list[Alert]:
        """Those that were new, each with the deliveries to its recipients in the same transaction: e-mail (where it is
        set up) to the team, the company's admins and whom the pack was created for, and the company's webhooks."""
        ...


class Outbox(Protocol):
    async def claim(self, *, lease: timedelta, channel: Channel | None = None) -> Dispatch | None:
        """What is due, by that channel (None: by either); nobody else gets it until the lease ends. An attempt is
        counted.

        The company of which the fewest are being sent comes first, then what has been due longest. Of one webhook
        at most `WEBHOOK_AT_ONCE` are being sent at a time by all workers: its others wait, and are passed by.
        """
        ...

    async def delivered(self, delivery: Delivery) -> None: ...

    async def failed(self, delivery: Delivery, error: str, *, retry_after: timedelta | None) -> None:
        """None: for good."""
        ...

    async def gone(self, delivery: Delivery) -> None:
        """Its webhook wants nothing more: disabled."""
        ...

    async def give_back(self, delivery: Delivery) -> None:
        """It was not tried after all: due at once, and no attempt."""
        ...
