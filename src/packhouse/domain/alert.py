"""Alerts: what is said of a pack that nears its limit, once a bundle month each, and how saying it is retried."""

from binascii import crc32
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from packhouse.domain.quota import OUTPUT_FLOOR
from packhouse.domain.units import AlertId, CompanyId, DeliveryId, ResourceId, UserId

AlertKind = Literal["used_80", "used_90", "used_100", "runs_dry"]
"""`runs_dry`: by the forecast the limit is reached before the refill."""

THRESHOLDS: Mapping[AlertKind, int] = {"used_80": 80, "used_90": 90, "used_100": 100}
"""In percent of the limit, rising."""

LEAST_PERCENT = 80

DISK = "disk"
"""The meter of a knowledge base's disk, in bytes. It is not refilled; a month that begins warns anew."""

Channel = Literal["email", "webhook"]
DeliveryState = Literal["waiting", "sending", "delivered", "failed"]

RETRY_AFTER = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=14),
)
"""How long after each failed attempt the next one is made, a fifth more or less: about a day in all."""

ATTEMPTS_MAX = len(RETRY_AFTER) + 1
TRIAL_ATTEMPTS_MAX = 2
"""Whoever tries a webhook looks on: a day of further attempts would tell nobody anything."""

TRIALS_PENDING_MAX = 5
"""Of one webhook."""

_JITTER = 0.4


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A meter of a pack in a bundle month, in the meter's own units (bytes for `DISK`)."""

    company_id: CompanyId
    resource_id: ResourceId
    resource_name: str
    month_start_at: datetime
    refill_at: datetime
    meter: str
    used: int
    limit: int


class Alert(Standing, frozen=True, kw_only=True):
    """What was found at `raised_at`. `told` is False where a higher threshold was passed at the same time: it is noted
    down, and nobody is told of it. `runs_dry_at` is the forecast's, for its own kind only."""

    id: AlertId
    kind: AlertKind
    raised_at: datetime
    told: bool = True
    runs_dry_at: datetime | None = None

    @property
    def percent(self) -> float:
        """Of the limit."""
        return 100 * self.used / self.limit if self.limit else 0.0


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """An alert (None: a trial) on its way to one recipient: `target` is an e-mail address or a webhook's id.

    `error` is why the last attempt failed: a status or a kind of failure, never what a receiver wrote. `next_at` is
    when the next attempt is made while it waits; `ended_at` when it was delivered or given up.
    """

    id: DeliveryId
    company_id: CompanyId
    alert_id: AlertId | None
    channel: Channel
    target: str
    state: DeliveryState
    created_at: datetime
    next_at: datetime
    attempts: int = 0
    error: str = ""
    ended_at: datetime | None = None

    @property
    def is_trial(self) -> bool:
        return self.alert_id is None

    @property
    def attempts_max(self) -> int:
        return TRIAL_ATTEMPTS_MAX if self.is_trial else ATTEMPTS_MAX


class Mute(msgspec.Struct, frozen=True):
    """A user who wants no e-mail about a resource; None: about any."""

    user_id: UserId
    resource_id: ResourceId | None
    muted_at: datetime


def passed(used: int, limit: int) -> list[AlertKind]:
    """The thresholds that so much use has passed, rising.

    A pack is used up where less is left than the smallest call takes, too: its last few tokens cannot be used.
    """
    if limit <= 0:
        return []
    found: list[AlertKind] = [kind for kind, percent in THRESHOLDS.items() if used * 100 >= limit * percent]
    if "used_100" not in found and limit - used < OUTPUT_FLOOR and used * 1000 >= limit * 995:
        found.append("used_100")
    return found


def unsaid(standing: Standing, known: Collection[AlertKind]) -> list[tuple[AlertKind, bool]]:
    """The thresholds passed that this bundle month does not know yet, each with whether it is told: of several that
    are passed at once the highest, and none below one that is known."""
    kinds = passed(standing.used, standing.limit)
    return [(kind, kind == kinds[-1]) for kind in kinds if kind not in known]


def retry_after(delivery_id: str, attempts: int) -> timedelta | None:
    """How long to wait after so many attempts; None: no further one.

    Spread by the delivery's id, so that what failed together is not tried together again.
    """
    if attempts >= ATTEMPTS_MAX:
        return None
    spread = crc32(f"{delivery_id} {attempts}".encode()) / 2**32
    return RETRY_AFTER[attempts - 1] * (1 - _JITTER / 2 + _JITTER * spread)
