"""What an alert says: a letter for people, an event for programs. Names and numbers of a pack, nothing else."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from packhouse.domain.alert import DISK, THRESHOLDS, Alert, Delivery
from packhouse.ports.notify import Letter

_METERS: Mapping[str, str] = {"input": "input tokens", "output": "output tokens", DISK: "disk"}
_UNITS = ("bytes", "KB", "MB", "GB")


class _AlertData(msgspec.Struct, frozen=True, kw_only=True):
    """Amounts in the meter's own units: model tokens, or bytes for `disk`."""

    alert_id: str
    kind: str
    company_id: str
    resource_id: str
    resource_name: str
    meter: str
    threshold_percent: int | None
    percent: float
    used: int
    limit: int
    month_start_at: datetime
    refill_at: datetime
    runs_dry_at: datetime | None
    link: str


class _TrialData(msgspec.Struct, frozen=True):
    webhook_id: str


class _Event(msgspec.Struct, frozen=True):
    type: str
    timestamp: datetime
    data: _AlertData | _TrialData


def event(alert: Alert, *, portal_url: str) -> bytes:
    """The body for webhooks; the same each time."""
    data = _AlertData(
        alert_id=alert.id,
        kind=alert.kind,
        company_id=alert.company_id,
        resource_id=alert.resource_id,
        resource_name=alert.resource_name,
        meter=alert.meter,
        threshold_percent=THRESHOLDS.get(alert.kind),
        percent=round(alert.percent, 2),
        used=alert.used,
        limit=alert.limit,
        month_start_at=alert.month_start_at,
        refill_at=alert.refill_at,
        runs_dry_at=alert.runs_dry_at,
        link=_link(alert, portal_url),
    )
    type_ = "alert.runs_dry" if alert.kind == "runs_dry" else "alert.used"
    return msgspec.json.encode(_Event(type_, alert.raised_at, data))


def trial(delivery: Delivery) -> bytes:
    """The body of a trial."""
    return msgspec.json.encode(_Event("webhook.test", delivery.created_at, _TrialData(delivery.target)))


def letter(alert: Alert, delivery: Delivery, *, portal_url: str) -> Letter:
    meter = meter_words(alert.meter)
    subject = f"{alert.resource_name}: {_headline(alert, meter)}"
    lines = (
        f"{alert.resource_name} ({alert.resource_id})",
        f"{meter.capitalize()}: {amount(alert.used, alert.meter)} of {amount(alert.limit, alert.meter)} used"
        f" ({alert.percent:.1f} %).",
        *_consequence(alert),
        "",
        _link(alert, portal_url),
        "",
        "You get this because you are in the pack's team, an admin of its company, or the pack was created for you.",
        "Each alert comes once a bundle month. E-mail about a pack can be muted on its page Alerts.",
    )
    return Letter(id=delivery.id, to=delivery.target, subject=subject, text="\n".join(lines) + "\n")


def meter_words(meter: str) -> str:
    return _METERS.get(meter, meter.replace("_", " "))


def amount(value: int, meter: str) -> str:
    """With thousands apart; a disk's in the largest unit that leaves a whole number."""
    if meter != DISK:
        return f"{value:,}"
    scaled, unit = float(value), 0
    while scaled >= 1024 and unit + 1 < len(_UNITS):
        scaled, unit = scaled / 1024, unit + 1
    return f"{scaled:,.1f} {_UNITS[unit]}"


def _headline(alert: Alert, meter: str) -> str:
    match alert.kind:
        case "runs_dry":
            return f"{meter} are likely to run dry before the refill"
        case "used_100":
            return f"{meter} used up"
        case _:
            return f"{THRESHOLDS[alert.kind]} % of the {meter} used"


def _consequence(alert: Alert) -> tuple[str, ...]:
    refill = f"It is refilled at {_moment(alert.refill_at)}."
    if alert.meter == DISK:
        full = "What would pass the limit is refused." if alert.kind == "used_100" else ""
        return (f"{full} Delete what is no longer needed to make room.".strip(),)
    if alert.kind == "runs_dry":
        when = f"By the forecast it runs dry at {_moment(alert.runs_dry_at)}." if alert.runs_dry_at else ""
        return (f"{when} {refill}".strip(), "A larger plan adds its quota at once.")
    if alert.kind == "used_100":
        return (f"Calls that need more are refused until the refill. {refill}", "A larger plan adds its quota at once.")
    return (refill,)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _link(alert: Alert, portal_url: str) -> str:
    return f"{portal_url.rstrip('/')}/resources/{alert.resource_id}/alerts"
