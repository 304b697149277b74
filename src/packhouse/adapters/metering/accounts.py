"""What this process may spend: blocks of quota leased from the database, and the holds drawn on them."""

from collections.abc import Sequence

from packhouse.adapters.metering.database import Lease
from packhouse.domain.quota import Weights
from packhouse.domain.units import ModelTokens, instant


class MeterAccount:
    """One meter of one pack in one bundle month, in the meter's unit.

    `leased` is what the database has set aside for this process; of it `held` is promised to running calls,
    `spent` is settled but not in the database yet. What is left can be held without asking anybody.
    `limit` and `used` (by all processes) are as the last lease saw them, with what this process drained since.
    """

    __slots__ = ("dearest_input", "held", "leased", "limit", "meter", "output", "spent", "used", "weights")

    def __init__(self, meter: str, weights: Weights, *, limit: int) -> None:
        self.meter = meter
        self.weights = weights
        self.dearest_input = weights.worst(1, 0)
        self.output = weights.worst(0, 1)
        self.limit = limit
        self.used = 0
        self.leased = 0
        self.held = 0
        self.spent = 0

    @property
    def room(self) -> int:
        return max(0, self.leased - self.held - self.spent)

    @property
    def left(self) -> int:
        """Of the whole limit, as this process knows."""
        return max(0, self.limit - self.used - self.spent - self.held)


class MonthAccount:
    """The meters of one pack in one bundle month; instants in microseconds since the epoch.

    `recalls_begun` and `recalls_ended` count how often this process recalled what the others do not hold, `returns` how
    often it gave back what it did not hold itself.
    """

    __slots__ = (
        "end",
        "end_at",
        "holds",
        "meters",
        "recalls_begun",
        "recalls_ended",
        "resource_id",
        "returns",
        "start",
        "touched_at",
    )

    def __init__(self, resource_id: str, start: int, *, end: int, meters: list[MeterAccount]) -> None:
        self.resource_id = resource_id
        self.start = start
        self.end = end
        self.end_at = instant(end)
        self.meters = meters
        self.holds = 0
        self.touched_at = start
        self.recalls_begun = 0
        self.recalls_ended = 0
        self.returns = 0

    def take(self, input_tokens: int, output_tokens: int, *, now: int) -> tuple[int, ...] | None:
        """Holds a call's whole worst case where all meters have room for it; what is held of each. Else nothing, None.

        This is `domain.quota.admit` for the usual call, which fits as it is.
        """
        amounts: tuple[int, ...] = ()
        for meter in self.meters:
            amount = meter.dearest_input * input_tokens + meter.output * output_tokens
            held = meter.held + amount
            if held + meter.spent > meter.leased:
                for earlier, taken in zip(self.meters, amounts, strict=False):
                    earlier.held -= taken
                return None
            meter.held = held
            amounts += (amount,)
        self.holds += 1
        self.touched_at = now
        return amounts

    def hold(self, amounts: tuple[int, ...], now: int) -> None:
        self.holds += 1
        self.touched_at = now
        for meter, amount in zip(self.meters, amounts, strict=True):
            meter.held += amount

    def give_back(self, amounts: tuple[int, ...]) -> None:
        self.holds -= 1
        for meter, amount in zip(self.meters, amounts, strict=True):
            meter.held -= amount

    def settle(self, held: tuple[int, ...], tokens: ModelTokens) -> tuple[int, ...]:
        """A call's hold becomes what it came to; that, of each meter."""
        self.holds -= 1
        amounts: tuple[int, ...] = ()
        for place, meter in enumerate(self.meters):
            amount = meter.weights.amount(tokens)
            meter.held -= held[place]
            meter.spent += amount
            amounts += (amount,)
        return amounts

    def drained(self, amounts: tuple[int, ...]) -> None:
        """What a call came to is in the database, which took it off this process's block."""
        for meter, amount in zip(self.meters, amounts, strict=True):
            meter.spent -= amount
            meter.leased = max(0, meter.leased - amount)  # less than that is left where others gave this process up
            meter.used += amount

    def lacks(self, input_tokens: int, output_tokens: int) -> list[int]:
        """What each meter is short of for a call's worst case."""
        return [max(0, meter.weights.worst(input_tokens, output_tokens) - meter.room) for meter in self.meters]

    def leased_more(self, leases: Sequence[Lease]) -> None:
        for meter, lease in zip(self.meters, leases, strict=True):
            meter.leased += lease.granted
            meter.limit = lease.limit.limit
            meter.used = lease.used

    def given_back(self, amounts: dict[str, int]) -> None:
        """Not this process's any more."""
        self.returns += 1
        for meter in self.meters:
            meter.leased -= amounts.get(meter.meter, 0)

    def spare(self) -> dict[str, int]:
        """What no call here holds, by meter."""
        return {meter.meter: meter.room for meter in self.meters if meter.room}
