"""Ids and secrets from the system's entropy."""

import os
import secrets
import time

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_SHIFTS = range(120, -1, -10)
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class SystemIds:
    """Ids of 26 base-32 characters: 48 bits of milliseconds, so that they sort by creation, and 80 random ones."""

    def new(self, prefix: str) -> str:
        milliseconds = time.time_ns() // 1_000_000
        number = (milliseconds << 80) | int.from_bytes(os.urandom(10))
        return prefix + "_" + "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])

    def secret(self, characters: int) -> str:
        return "".join(secrets.choice(_BASE62) for _ in range(characters))
