"""Ids and secrets from the system's entropy."""

import secrets
import string

from packhouse.ports.outside import Clock

_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: in order of code points, without i, l, o, u
_PAIRS = [first + second for first in _BASE32 for second in _BASE32]
_SHIFTS = tuple(range(120, -1, -10))
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_TIME_BITS = 50
_ORDER_BITS = 16
_RANDOM_BITS = 130 - _TIME_BITS - _ORDER_BITS


class SystemIds:
    """26 characters of 5 bits: milliseconds, a count within them, and 64 random bits.

    Ids of one process sort in the order in which they were made, even where the clock steps back.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def new(self, prefix: str) -> str:
        milliseconds = self._clock.microseconds() // 1000
        self._last = max(self._last + 1, milliseconds << _ORDER_BITS)
        number = (self._last << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
        return f"{prefix}_{''.join([_PAIRS[(number >> shift) & 1023] for shift in _SHIFTS])}"

    def secret(self, characters: int) -> str:
        return "".join(secrets.choice(_BASE62) for _ in range(characters))
