"""The time: the system's, or one that stands still until it is moved."""

import time
from datetime import UTC, datetime, timedelta

from packhouse.domain.units import instant, microseconds


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def microseconds(self) -> int:
        return time.time_ns() // 1000


class FixedClock:
    """Stands at an instant until it is moved: for tests and for trying what a later day brings."""

    def __init__(self, at: datetime) -> None:
        self._at = microseconds(at)

    def now(self) -> datetime:
        return instant(self._at)

    def microseconds(self) -> int:
        return self._at

    def advance(self, by: timedelta) -> None:
        self._at += by // timedelta(microseconds=1)

    def set(self, at: datetime) -> None:
        self._at = microseconds(at)
