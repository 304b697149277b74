"""Clocks: the machine's, and one that stands still until it is set, for tests and trials."""

import time
from datetime import UTC, datetime, timedelta

from packhouse.domain.units import microseconds


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def microseconds(self) -> int:
        return time.time_ns() // 1000


class SetClock:
    """Shows the instant that it was set to."""

    def __init__(self, instant: datetime) -> None:
        self._instant = instant.astimezone(UTC)

    def now(self) -> datetime:
        return self._instant

    def microseconds(self) -> int:
        return microseconds(self._instant)

    def set(self, instant: datetime) -> None:
        self._instant = instant.astimezone(UTC)

    def advance(self, by: timedelta) -> datetime:
        """The instant after it."""
        self._instant += by
        return self._instant
