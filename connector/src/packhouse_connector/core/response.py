"""An answer as a plain value."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import msgspec

from packhouse_connector.core.content import Content

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError)
"""What decoding raises where bytes are not the JSON that was expected."""


class Response(Content, frozen=True):
    """A whole HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def request_id(self) -> str | None:
        """What the server calls this request in its log."""
        return self.headers.get("x-request-id")

    @property
    def retry_after_seconds(self) -> float | None:
        """How long the server asks to wait, given in seconds or as a date; None where it does not say."""
        value = self.headers.get("retry-after", "")
        if value.isascii() and value.isdigit():
            return float(value)
        try:
            # A date is measured against the server's own clock, since ours may go wrong.
            wait = parsedate_to_datetime(value) - parsedate_to_datetime(self.headers.get("date", ""))
        except (TypeError, ValueError):
            return None
        return max(0.0, wait.total_seconds())
