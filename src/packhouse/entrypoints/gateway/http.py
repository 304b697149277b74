"""The small request and reply that gateway routes see, so that the server under them can be replaced."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Protocol, runtime_checkable

import msgspec

from packhouse.domain.errors import Refused

Headers = tuple[tuple[bytes, bytes], ...]


class Request(msgspec.Struct, eq=False):
    """A whole request. `headers` has lower-case names; a repeated one is joined with a comma.

    `path` is percent-decoded, `query` is raw. `id` names the request in answers and logs. The task that
    handles it is cancelled when the client goes away.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    id: str
    params: dict[str, str] = msgspec.field(default_factory=dict[str, str])

    def __repr__(self) -> str:
        return f"<Request {self.id}>"  # the rest is content, or may be


class Reply(msgspec.Struct, eq=False):
    """An answer: `body`, or `stream` whose pieces are written as they come.

    A stream is closed (`aclose`) when the client goes away. `content_type` None sends no such header.
    `lines` are more header lines, written already, each with its line break.
    """

    status: int = 200
    body: bytes = b""
    content_type: bytes | None = b"application/json"
    headers: Headers = ()
    stream: AsyncGenerator[bytes, None] | None = None
    lines: bytes = b""

    def __repr__(self) -> str:
        return f"<Reply {self.status}>"


Handler = Callable[[Request], Awaitable[Reply]]

Door = Callable[[Request], Awaitable[bool]]
Refuse = Callable[[Request, Refused], Reply]
"""Writes a refusal in the shape that the request's client knows."""


@runtime_checkable
class Admitting(Protocol):
    """A handler that can say from a request's head whether its body is worth reading.

    What it does not admit gets the handler's answer to the same request without a body.
    """

    async def admits(self, request: Request) -> bool: ...
