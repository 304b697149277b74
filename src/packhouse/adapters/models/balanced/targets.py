"""Which endpoint takes a call, and whether one that failed is tried again elsewhere, or later."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Generic, TypeVar

import msgspec

from packhouse.adapters.models.balanced.health import BreakerLimits, Health, retry_after_of
from packhouse.domain.errors import Refused
from packhouse.ports.models import SAFE_TO_REPEAT

Adapter = TypeVar("Adapter")


def _now() -> float:
    """The event loop's seconds, as `Health` has them."""
    return asyncio.get_running_loop().time()


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    """`attempts_max` calls in all; waits of `first_seconds`, doubled each time and jittered by half.

    A provider that asks for more than `wait_seconds_max` is not waited for: its client is told."""

    attempts_max: int = 3
    first_seconds: float = 0.2
    wait_seconds_max: float = 5.0


class Target(Generic[Adapter]):
    """One endpoint with its weight and its health."""

    __slots__ = ("adapter", "health", "weight")

    def __init__(self, adapter: Adapter, weight: float = 1.0, *, breaker: BreakerLimits | None = None) -> None:
        assert weight > 0
        self.adapter = adapter
        self.weight = weight
        self.health = Health(breaker or BreakerLimits())


class Targets(Generic[Adapter]):
    """The endpoints of one provider in one region."""

    def __init__(self, targets: Sequence[Target[Adapter]], *, retries: Retries, dice: Random) -> None:
        assert targets
        self._targets = tuple(targets)
        self.retries = retries
        self._dice = dice

    def attempts(self) -> "Attempts[Adapter]":
        return Attempts(self, self._dice)

    def choose(self, tried: Sequence[Target[Adapter]]) -> Target[Adapter]:
        """One that is well and was not tried yet, by weight; where none is well, the one that is next to be.

        An endpoint is never left out when there is no other: a refusal of ours would hide the provider's own word.
        """
        if len(self._targets) == 1:
            return self._targets[0]
        now = _now()
        well = [target for target in self._targets if target.health.usable(now)]
        fresh = [target for target in well if target not in tried] or well
        if fresh:
            return fresh[0] if len(fresh) == 1 else self._dice.choices(fresh, [each.weight for each in fresh])[0]
        return min(self._targets, key=lambda target: target.health.out_until)

    def other_than(self, tried: Sequence[Target[Adapter]], now: float) -> bool:
        return any(target not in tried and target.health.usable(now) for target in self._targets)


class Attempts(Generic[Adapter]):
    """The attempts of one call: `next` chooses, `answered`, `left` or `failed` tell how it went."""

    __slots__ = ("_dice", "_targets", "_tried")

    def __init__(self, targets: Targets[Adapter], dice: Random) -> None:
        self._targets = targets
        self._dice = dice
        self._tried: list[Target[Adapter]] = []

    def next(self) -> Adapter:
        target = self._targets.choose(self._tried)
        target.health.begin()
        self._tried.append(target)
        return target.adapter

    def answered(self) -> None:
        self._tried[-1].health.answered()

    def left(self) -> None:
        self._tried[-1].health.left()

    def broke(self, refused: Refused) -> None:
        """It failed after its client had heard of it: never tried again."""
        self._tried[-1].health.refused(refused, _now())

    async def failed(self, refused: Refused) -> None:
        """Waits where the call is worth another attempt; raises the refusal where it is not."""
        now = _now()
        self._tried[-1].health.refused(refused, now)
        retries = self._targets.retries
        spent = refused.consumed is not None  # a batch of several was worked on
        if spent or refused.code not in SAFE_TO_REPEAT or len(self._tried) >= retries.attempts_max:
            raise refused
        if self._targets.other_than(self._tried, now):
            return
        asked = retry_after_of(refused) or 0.0
        if asked > retries.wait_seconds_max:
            raise refused
        pause = retries.first_seconds * 2 ** (len(self._tried) - 1) * self._dice.uniform(0.5, 1.5)
        await asyncio.sleep(max(asked, pause))
