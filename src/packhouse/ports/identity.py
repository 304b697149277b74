"""What we need to tell people apart: a slow hash for passwords that people choose."""

from typing import Protocol


class Passwords(Protocol):
    """Both calls take tens of milliseconds of a thread, never of the event loop."""

    async def hash(self, password: str) -> str:
        """With salt and parameters, to be stored as it is."""
        ...

    async def verify(self, password: str, hashed: str | None) -> bool:
        """None (no such account) takes as long as a wrong password and is False."""
        ...
