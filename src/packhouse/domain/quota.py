"""Quota: meters over the four token classes, and whether a call's worst case fits into what remains."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from packhouse.domain.units import ModelTokens

OUTPUT_FLOOR = 16
"""A call is refused rather than answered with fewer output tokens than this, unless it asked for fewer."""


class Weights(msgspec.Struct, frozen=True):
    """What one token of each class counts on a meter, in the meter's own integer unit; never negative."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    def amount(self, tokens: ModelTokens) -> int:
        return (
            self.input * tokens.input
            + self.output * tokens.output
            + self.cache_read * tokens.cache_read
            + self.cache_write * tokens.cache_write
        )

    def worst(self, input_tokens: int, output_tokens: int) -> int:
        """The most that so many input tokens, of whatever class, and output tokens can amount to."""
        dearest = max(self.input, self.cache_read, self.cache_write)
        return dearest * input_tokens + self.output * output_tokens


class MeterLimit(msgspec.Struct, frozen=True):
    """A meter with what may be consumed on it in one bundle month."""

    meter: str
    weights: Weights
    limit: int


def raised(
    running: Sequence[MeterLimit], bought: Sequence[MeterLimit], *, paid: int, price: int
) -> tuple[MeterLimit, ...]:
    """The limits of a running month after an upgrade from `paid` cloud tokens to `price`.

    What was counted in a month stays as it was counted, so its meters and weights stay until it ends. Where those that
    were bought count otherwise (the catalog has changed meanwhile), the running limits grow as the price does.
    """
    if not running or [(one.meter, one.weights) for one in running] == [(one.meter, one.weights) for one in bought]:
        return tuple(bought)
    grown = max(paid, price)
    return tuple(
        MeterLimit(one.meter, one.weights, one.limit * grown // paid if paid else one.limit) for one in running
    )


class MeterRoom(Protocol):
    """What remains on a meter: `room` is never negative."""

    @property
    def meter(self) -> str: ...
    @property
    def weights(self) -> Weights: ...
    @property
    def room(self) -> int: ...


class Admitted(msgspec.Struct, frozen=True):
    """The call may go; at most `output_tokens` of output, and `amounts` are held, one a meter."""

    output_tokens: int
    amounts: tuple[int, ...]


class Short(msgspec.Struct, frozen=True):
    """The first meter that does not cover the call's least."""

    meter: str
    needed: int


def admit(rooms: Sequence[MeterRoom], *, input_tokens: int, output_tokens: int) -> Admitted | Short:
    """Whether a call of at most `input_tokens` fits, all meters together or not at all.

    `output_tokens` is what the caller wants at most (0: the call has no output). Where less remains the
    cap is lowered to it, but not under the floor.
    """
    floor = min(output_tokens, OUTPUT_FLOOR)
    cap = output_tokens
    for meter in rooms:
        weights = meter.weights
        left = meter.room - weights.worst(input_tokens, 0)
        if left < weights.output * floor:
            return Short(meter.meter, weights.worst(input_tokens, floor))
        if weights.output * cap > left:
            cap = left // weights.output
    return Admitted(cap, tuple(meter.weights.worst(input_tokens, cap) for meter in rooms))
