"""The bundle month: the recurring month in which a quota counts, anchored at a resource's activation."""

from calendar import monthrange
from datetime import UTC, datetime

import msgspec


class BundleMonth(msgspec.Struct, frozen=True):
    """From `start_at` (inclusive) to `end_at` (exclusive), both UTC."""

    start_at: datetime
    end_at: datetime


def bundle_month(anchor_at: datetime, instant: datetime) -> BundleMonth:
    """The bundle month that holds `instant`, for a resource activated at `anchor_at`.

    Every boundary is the anchor's day and time of day, or the last day of a month that has no such day. The
    months of one anchor tile time without gap or overlap, before the anchor too.
    """
    assert anchor_at.tzinfo is UTC, anchor_at
    instant = instant.astimezone(UTC)
    months = (instant.year - anchor_at.year) * 12 + instant.month - anchor_at.month
    boundary = _boundary(anchor_at, months)
    if boundary > instant:
        return BundleMonth(_boundary(anchor_at, months - 1), boundary)
    return BundleMonth(boundary, _boundary(anchor_at, months + 1))


def _boundary(anchor_at: datetime, months: int) -> datetime:
    """The start of the bundle month that lies `months` after the anchor's own."""
    year, month = divmod(anchor_at.year * 12 + anchor_at.month - 1 + months, 12)
    month += 1
    day = anchor_at.day
    if day > 28:  # counted from the anchor each time, so that the 31st comes back after February
        day = min(day, monthrange(year, month)[1])
    return anchor_at.replace(year=year, month=month, day=day)
