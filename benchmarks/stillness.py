"""Reading a count that others still add to."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def still(read: Callable[[], Value], *, seconds: float, every: float) -> Value:
    """What is read, once it has been the same for so long."""
    seen, since = read(), time.monotonic()
    while time.monotonic() - since < seconds:
        time.sleep(every)
        if (now := read()) != seen:
            seen, since = now, time.monotonic()
    return seen
