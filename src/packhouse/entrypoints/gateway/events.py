"""Replies that are streams of server-sent events."""

from collections.abc import AsyncGenerator, Callable

from packhouse.domain.errors import Refused
from packhouse.entrypoints.gateway.http import Reply
from packhouse.services.received import begun

EVENT_STREAM = b"text/event-stream; charset=utf-8"
STREAM_HEADERS = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))


async def event_stream(events: AsyncGenerator[bytes, None], *, error_event: Callable[[Refused], bytes]) -> Reply:
    """Begun when this returns. A stream that fails later ends in the dialect's error event, never in a silent cut."""
    stream = await begun(events, last_words=error_event)
    return Reply(content_type=EVENT_STREAM, headers=STREAM_HEADERS, stream=stream)
