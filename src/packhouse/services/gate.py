"""The one gate that every spending route passes: hold the worst case, call, settle to the truth."""

from types import TracebackType

import msgspec

from packhouse.domain.errors import Refused
from packhouse.domain.units import ModelTokens
from packhouse.ports.meter import Call, Exhausted, Hold, Meter, Outcome, Settlement
from packhouse.services.trace import TRACE

ANSWERED_WITHOUT_COST = frozenset(
    {
        "provider_refused",
        "provider_throttled",
        "provider_failed",
        "unsupported",
        "invalid_request",
        "context_exceeded",
    }
)
"""Refusals that a provider answers with before it has worked, so that nothing was consumed."""


class Spending:
    """An admitted call, as a context manager that cannot be forgotten.

    Left without a settlement it books the worst case where the provider was reached, and nothing where it
    was not. `output_tokens` is the granted cap.
    """

    __slots__ = ("_hold", "_meter")

    def __init__(self, meter: Meter, hold: Hold) -> None:
        self._meter = meter
        self._hold = hold

    @property
    def output_tokens(self) -> int:
        return self._hold.output_tokens

    @property
    def sent_already(self) -> bool:
        return self._hold.sent

    def sent(self) -> None:
        """Goes to the model as its `sent` callback. A second attempt of the same call is the same call."""
        if not self._hold.sent:
            self._meter.sent(self._hold)
        if (trace := TRACE.get()) is not None:
            trace.sent()

    def turn_to(self, model_id: str) -> None:
        """Another model is asked, on the same hold: the record will name it."""
        self._hold.call = msgspec.structs.replace(self._hold.call, model=model_id)

    @property
    def settled(self) -> bool:
        return self._hold.closed

    def settle(self, tokens: ModelTokens | None, *, estimate: ModelTokens, outcome: Outcome = "ok") -> ModelTokens:
        """Book what the provider reported, or else the estimate, which is marked as one; what was booked."""
        if (trace := TRACE.get()) is not None:
            trace.answered()
        if tokens is not None:
            self._meter.settle(self._hold, Settlement(tokens, "reported", outcome))
            return tokens
        estimate = self._bounded(estimate)
        self._meter.settle(self._hold, Settlement(estimate, "estimated", outcome))
        return estimate

    def _bounded(self, estimate: ModelTokens) -> ModelTokens:
        """An estimate never exceeds what was held."""
        call = self._hold.call
        output = min(estimate.output, self._hold.output_tokens)
        if estimate.input + estimate.cache_read + estimate.cache_write > call.input_tokens:
            return ModelTokens(call.input_tokens, output)
        return msgspec.structs.replace(estimate, output=output)

    def __enter__(self) -> "Spending":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        hold = self._hold
        if hold.closed:
            return
        if not hold.sent:
            self._meter.release(hold)
            return
        if isinstance(error, Refused) and error.consumed is not None:
            self.settle(error.consumed, estimate=error.consumed, outcome="failed")
            return
        if isinstance(error, Refused) and error.code in ANSWERED_WITHOUT_COST:
            self.settle(ModelTokens(), estimate=ModelTokens(), outcome="failed")
            return
        worst = ModelTokens(input=hold.call.input_tokens, output=hold.output_tokens)
        self.settle(None, estimate=worst, outcome="failed" if isinstance(error, Exception) else "cancelled")


class Gate:
    """Admits calls to packs."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    async def enter(self, call: Call) -> Spending:
        """Refused(quota_exhausted) names the meter, its limit, what is used and held, and the refill."""
        held = await self._meter.hold(call)
        if isinstance(held, Exhausted):
            raise _exhausted(held)
        if (trace := TRACE.get()) is not None:
            trace.hold = held
        return Spending(self._meter, held)


def _exhausted(short: Exhausted) -> Refused:
    left = max(0, short.limit - short.used - short.held)
    refill = short.refill_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return Refused(
        "quota_exhausted",
        f"The pack's {short.meter} quota does not cover this call: it may need {short.needed:,} and {left:,} of "
        f"{short.limit:,} are left (used {short.used:,}, held by running calls {short.held:,}). "
        f"Shorten the input or the output cap, ask an admin for a larger plan, or wait for the refill at {refill}.",
        meter=short.meter,
        limit=short.limit,
        used=short.used,
        held=short.held,
        needed=short.needed,
        refill_at=refill,
    )
