"""Ids and secrets from the system's entropy."""

import secrets
import string

from packhouse.ports.outside import Clock

_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: in order of code points, without i, l, o, u
_PAIRS = [first + second for first in _BASE32 for second in _BASE32]
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_TIME_BITS = 50
_ORDER_END = 1 << 20
_RANDOM_BITS = 60


class SystemIds:
    """26 characters of 5 bits: milliseconds, a count within them, and 60 bits that are random for each millisecond.

    Ids of one process sort in the order in which they were made, even where the clock steps back. They are unique,
    not secret.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._milliseconds = 0
        self._order = 0
        self._time = self._random = ""

    def new(self, prefix: str) -> str:
        milliseconds = self._clock.microseconds() // 1000
        order = self._order = self._order + 1
        if milliseconds > self._milliseconds or order == _ORDER_END:
            order = self._begin(milliseconds)
        return f"{prefix}_{self._time}{_PAIRS[order >> 10]}{_PAIRS[order & 1023]}{self._random}"

    def _begin(self, milliseconds: int) -> int:
        """A new millisecond, or the next one where the clock has not come so far."""
        self._milliseconds = max(self._milliseconds + 1, milliseconds)
        self._time = _characters(self._milliseconds, _TIME_BITS)
        self._random = _characters(secrets.randbits(_RANDOM_BITS), _RANDOM_BITS)
        self._order = 0
        return 0

    def secret(self, characters: int) -> str:
        return "".join(secrets.choice(_BASE62) for _ in range(characters))


def _characters(number: int, bits: int) -> str:
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(bits - 10, -1, -10)])
