"""What we need from outside that is not a service: the time and unpredictable ids."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        ...

    def microseconds(self) -> int:
        """The same instant as whole microseconds since the epoch, for where a datetime costs too much."""
        ...


class Ids(Protocol):
    def new(self, prefix: str) -> str:
        """A new id, `prefix_` and 26 characters that sort by time of creation."""
        ...

    def secret(self, characters: int) -> str:
        """That many random base-62 characters from the system's entropy."""
        ...
