"""How values read on a page: numbers, dates, sizes, and the words for what the platform calls by an id."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

from packhouse.domain.errors import Refused

_WORDS: Mapping[str, Mapping[str, str]] = {
    "type": {
        "text_generation": "Text generation",
        "embeddings": "Embeddings",
        "knowledge_base": "Knowledge base",
    },
    "environment": {"test": "Test", "acceptance": "Acceptance", "production": "Production"},
    "role": {"operator": "Operator", "admin": "Company admin", "member": "Member"},
    "suspension": {
        "terms_not_accepted": "third-party terms that must be accepted are not accepted",
        "operator": "the operator suspended it",
    },
    "transaction": {"reallocated": "Allocated anew", "released": "Returned"},
    "terms": {"accepted": "Accepted", "in_grace": "New version", "missing": "Not accepted"},
    "meter": {"input": "Input tokens", "output": "Output tokens", "disk": "Disk"},
    "alert": {
        "used_80": "80 % used",
        "used_90": "90 % used",
        "used_100": "Used up",
        "runs_dry": "Likely to run dry before the refill",
    },
    "channel": {"email": "By e-mail", "webhook": "Webhook"},
    "verb": {
        "resource.provisioned": "Pack provisioned",
        "resource.changed": "Settings changed",
        "resource.deprovision_scheduled": "Deprovisioning scheduled",
        "resource.deprovisioned": "Pack deprovisioned",
        "resource.downgrade_scheduled": "Downgrade scheduled",
        "resource.downgraded": "Plan downgraded",
        "resource.upgraded": "Plan upgraded",
        "resource.scheduled_cancelled": "Scheduled change cancelled",
        "resource.scheduled_replaced": "Scheduled change replaced",
        "resource.suspended": "Pack suspended",
        "resource.resumed": "Pack resumed",
        "resource.usage_recounted": "Sums of usage counted anew",
        "team.member_added": "Member added",
        "team.member_removed": "Member removed",
        "alert.muted": "Alerts by e-mail muted",
        "alert.unmuted": "Alerts by e-mail wanted again",
        "alert.sent_again": "Alert sent once more",
        "webhook.tested": "Webhook tried",
        "webhook.rotated": "Webhook's secret made anew",
        "key.opened": "Key opened to a further resource",
        "key.shut": "Resource shut to a key",
        "user.link_made": "One-time link made",
        "user.password_set": "Password set",
        "user.role_changed": "Role changed",
    },
    "life": {"announced": "Announced", "current": "Current", "legacy": "Legacy", "ended": "Ended"},
}

_DONE: Mapping[str, str] = {
    "signed-out": "You are signed out.",
    "password-set": "Your password is set, and you are signed in as {email}.",
    "password-changed": "Your password is changed. Sign in with the new one.",
    "key-revoked": "The key is revoked. Calls with it are refused from now on.",
    "key-opened": "The key opens one more resource.",
    "key-shut": "The key no longer opens that resource.",
    "member-added": "The team has a new member.",
    "member-removed": "The member has left the team.",
    "provisioned": "The pack is ready. Create a key to use it.",
    "settings-saved": "The settings are saved.",
    "plan-adjusted": "The plan is adjusted.",
    "plan-adjusted-instead": "The plan is adjusted. What was scheduled before is replaced by that.",
    "deprovision-scheduled": "Deprovisioning is scheduled. Until then everything goes on.",
    "deprovision-scheduled-instead": "Deprovisioning is scheduled, in the place of what was scheduled before.",
    "scheduled-cancelled": "The scheduled change is cancelled.",
    "terms-accepted": "The terms are accepted.",
    "contract-created": "The contract is created. Grant cloud tokens to it next.",
    "granted": "The cloud tokens are granted.",
    "corrected": "The correction is booked.",
    "company-created": "The company is created. Give it a contract and its first admin next.",
    "company-saved": "The company is saved.",
    "user-disabled": "The account is disabled. Its sessions and tokens have ended.",
    "role-changed": "The role is changed.",
    "token-revoked": "The token is revoked.",
    "alerts-muted": "What you want by e-mail is saved.",
    "sent-again": "It is sent once more, in a moment.",
    "webhook-saved": "The webhook is saved.",
    "webhook-tried": "A trial message is on its way. Load the page again to see what came of it.",
    "webhook-removed": "The webhook is removed.",
}
_FIELDS: Mapping[str, str] = {
    "expires_at": "expires_on",
    "end_at": "last_day",
    "embeddings_resource_id": "embeddings",
}
_PERIODS = (("day", 86400), ("hour", 3600), ("minute", 60))


def word(value: str, kind: str) -> str:
    """The word for an id; where there is none, the id made readable."""
    return _WORDS.get(kind, {}).get(value) or value.replace("_", " ").replace(".", " ").capitalize()


def done(value: str, email: str = "") -> str:
    """What a form did, in a sentence; nothing for what no form of the portal does. `email`: who is signed in."""
    return _DONE.get(value, "").replace("{email}", email)


def field(refused: Refused) -> str:
    """The name, on the form, of the field that a refusal is about; empty where it is about the whole."""
    named = str(refused.facts.get("field", ""))
    return _FIELDS.get(named, named)


def fact(value: str, name: str) -> str:
    """What an activity entry says besides: instants and types as people read them."""
    if not name.endswith("_at"):
        return word(value, "type") if name == "type" else value
    try:
        return moment(datetime.fromisoformat(value))
    except ValueError:
        return value


def number(value: int) -> str:
    """With thousands separators and a true minus sign."""
    return f"{value:,}".replace("-", "−")


def signed(value: int) -> str:
    return f"+{value:,}" if value > 0 else number(value)


def percent(value: float) -> str:
    """Never 0 % or 100 % for what is not quite that."""
    if 0 < value < 0.1:
        return "< 0.1 %"
    if 99.9 < value < 100:
        return "> 99.9 %"
    return f"{value:.0f} %" if round(value, 1) == round(value) else f"{value:.1f} %"


def size(value: int) -> str:
    """Bytes in the largest unit that keeps a whole number."""
    amount, unit = float(value), "B"
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1024 or unit == "GB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if amount >= 100 or amount == int(amount) else f"{amount:.1f} {unit}"


def day(value: date) -> str:
    return f"{value.day} {value:%b %Y}"


def day_before(value: datetime) -> str:
    """The last day of what ends with this instant."""
    return day(value - timedelta(microseconds=1))


def moment(value: datetime) -> str:
    return f"{value.day} {value:%b %Y, %H:%M} UTC"


def iso(value: date) -> str:
    return value.isoformat()


def relative(value: datetime, now: datetime) -> str:
    """`in 12 days`, `3 hours ago`, `just now`."""
    gap = value - now
    seconds = int(abs(gap).total_seconds())
    for unit, length in _PERIODS:
        if seconds >= length:
            text = plural(seconds // length, unit)
            return f"in {text}" if gap > timedelta() else f"{text} ago"
    return "in a moment" if gap > timedelta() else "just now"


def plural(count: int, one: str, *, many: str = "") -> str:
    """`1 key`, `2 keys`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


FILTERS: Mapping[str, Callable[..., str]] = {
    "word": word,
    "done": done,
    "field": field,
    "fact": fact,
    "number": number,
    "signed": signed,
    "percent": percent,
    "size": size,
    "day": day,
    "day_before": day_before,
    "moment": moment,
    "iso": iso,
    "relative": relative,
    "plural": plural,
}
"""The filters of the templates."""
