"""How values read on a page: numbers, dates, sizes, and the words for what the platform calls by an id."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

TYPES: Mapping[str, str] = {
    "text_generation": "Text generation",
    "embeddings": "Embeddings",
    "knowledge_base": "Knowledge base",
}
ENVIRONMENTS: Mapping[str, str] = {"test": "Test", "acceptance": "Acceptance", "production": "Production"}
ROLES: Mapping[str, str] = {"operator": "Operator", "admin": "Company admin", "member": "Member"}
STATES: Mapping[str, str] = {
    "provisioning": "Provisioning",
    "active": "Active",
    "failed": "Failed",
    "deprovisioned": "Deprovisioned",
}
SUSPENSIONS: Mapping[str, str] = {
    "terms_not_accepted": "third-party terms are not accepted",
    "operator": "suspended by the operator",
}
TRANSACTIONS: Mapping[str, str] = {
    "granted": "Granted",
    "allocated": "Allocated",
    "reallocated": "Allocated anew",
    "released": "Returned",
    "expired": "Expired",
    "corrected": "Corrected",
}
TERMS_STATES: Mapping[str, str] = {
    "accepted": "Accepted",
    "in_grace": "New version, accept it soon",
    "missing": "Not accepted",
}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "type": TYPES,
    "environment": ENVIRONMENTS,
    "role": ROLES,
    "state": STATES,
    "suspension": SUSPENSIONS,
    "transaction": TRANSACTIONS,
    "terms": TERMS_STATES,
}
_SPANS = (("day", 86400), ("hour", 3600), ("minute", 60))


def word(value: str, kind: str) -> str:
    """The word for an id; the id itself where there is none."""
    return _WORDS[kind].get(value, value)


def number(value: int) -> str:
    """With thousands separators; a true minus sign."""
    return f"{value:,}".replace("-", "−")


def signed(value: int) -> str:
    return f"+{value:,}" if value > 0 else number(value)


def percent(value: float) -> str:
    """Never 0 % or 100 % for what is not quite that."""
    if 0 < value < 0.1:
        return "< 0.1 %"
    if 99.9 < value < 100:
        return "> 99.9 %"
    return f"{value:.1f} %" if value % 1 else f"{value:.0f} %"


def size(value: int) -> str:
    amount = float(value)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"


def day(value: date) -> str:
    return f"{value.day} {value:%b %Y}"


def moment(value: datetime) -> str:
    return f"{value.day} {value:%b %Y, %H:%M} UTC"


def iso(value: date) -> str:
    return value.isoformat()


def relative(value: datetime, now: datetime) -> str:
    """`in 12 days`, `3 hours ago`, `just now`."""
    gap = value - now
    seconds = int(abs(gap).total_seconds())
    for unit, length in _SPANS:
        if seconds >= length:
            count = seconds // length
            text = f"{count:,} {unit}{'s' if count != 1 else ''}"
            return f"in {text}" if gap > timedelta() else f"{text} ago"
    return "in a moment" if gap > timedelta() else "just now"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 key`, `2 keys`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


FILTERS: Mapping[str, Callable[..., str]] = {
    "word": word,
    "number": number,
    "signed": signed,
    "percent": percent,
    "size": size,
    "day": day,
    "moment": moment,
    "iso": iso,
    "relative": relative,
    "plural": plural,
}
