"""How an endpoint fares: a circuit breaker, and a pause where its provider asks for one."""

import math

import msgspec

from packhouse.domain.errors import Refused

FAILURES = frozenset(
    {"provider_unreachable", "provider_failed", "provider_timeout", "provider_malformed", "provider_cut"}
)
"""What counts against an endpoint. A refusal of what was asked does not: any endpoint would say the same."""


_WAIT_SECONDS_MAX = 3_600.0


class BreakerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """After `failures_max` failures in a row an endpoint is left out for `open_seconds`, then for twice as long at
    each further failure, up to `open_seconds_max`; one call at a time tries it in between."""

    failures_max: int = 5
    open_seconds: float = 2.0
    open_seconds_max: float = 60.0
    throttled_seconds: float = 1.0


class Health:
    """Instants are the event loop's seconds."""

    __slots__ = ("_failures", "_limits", "_out_until", "_probing")

    def __init__(self, limits: BreakerLimits) -> None:
        self._limits = limits
        self._failures = 0
        self._out_until = 0.0
        self._probing = False

    @property
    def out_until(self) -> float:
        return self._out_until

    def usable(self, now: float) -> bool:
        """Whether calls may go there: closed, or open for long enough and nobody is trying it yet."""
        return now >= self._out_until and not self._probing

    def begin(self) -> None:
        """A call goes there now; where the breaker is open it is the one that tries it."""
        self._probing = self._failures >= self._limits.failures_max

    def answered(self) -> None:
        self._failures = 0
        self._probing = False

    def left(self) -> None:
        """The call was given up by its client: nothing was learnt."""
        self._probing = False

    def refused(self, refused: Refused, now: float) -> None:
        self._probing = False
        limits = self._limits
        if refused.code == "provider_throttled":
            self._out_until = max(self._out_until, now + (retry_after_of(refused) or limits.throttled_seconds))
        elif refused.code in FAILURES:
            self._failures += 1
            if (over := self._failures - limits.failures_max) >= 0:
                self._out_until = now + min(limits.open_seconds_max, limits.open_seconds * 2 ** min(over, 16))
        else:
            self._failures = 0


def retry_after_of(refused: Refused) -> float | None:
    """The seconds that the provider asks to wait, where it said so; an hour at most."""
    seconds = refused.facts.get("retry_after_seconds")
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return None
    return max(0.0, min(float(seconds), _WAIT_SECONDS_MAX))
