"""A call and its answer as plain values: what transports carry and the rest of the core never sends itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from packhouse_connector.core.content import Content
from packhouse_connector.core.refusal import not_understood, refusal
from packhouse_connector.core.response import UNREADABLE, Response

T = TypeVar("T")

JSON = (("content-type", "application/json"),)

_encoder = msgspec.json.Encoder()


class Call(Content, frozen=True, kw_only=True):
    """A request, apart from where it goes and with which key.

    `path` is percent-encoded and starts with a slash. `safe_to_retry`: sending it twice does what sending it
    once does, and spends no more.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    safe_to_retry: bool = False


@dataclass(frozen=True, slots=True)
class Operation(Generic[T]):
    """A call together with how its answer is read."""

    call: Call
    read: Callable[[Response], T]

    def result(self, response: Response) -> T:
        """What the answer says; raises the `PackhouseError` that it stands for otherwise."""
        if not 200 <= response.status < 300:
            raise refusal(response)
        try:
            return self.read(response)
        except UNREADABLE as error:
            raise not_understood(response) from error


def get(path: str, query: tuple[tuple[str, str], ...] = ()) -> Call:
    """A look that changes nothing."""
    return Call(method="GET", path=path, query=query, safe_to_retry=True)


def post(path: str, body: object, *, query: tuple[tuple[str, str], ...] = (), safe_to_retry: bool = False) -> Call:
    """A call whose body is `body` as JSON."""
    return Call(
        method="POST",
        path=path,
        query=query,
        headers=JSON,
        body=_encoder.encode(body),
        safe_to_retry=safe_to_retry,
    )


def delete(path: str, query: tuple[tuple[str, str], ...] = ()) -> Call:
    """A deletion. Not safe to repeat: after a lost answer, the second would say that there is no such thing."""
    return Call(method="DELETE", path=path, query=query)


def reader(kind: type[T]) -> Callable[[Response], T]:
    """Reads an answer's JSON body as `kind`; fields that it does not know are passed over."""
    decoder = msgspec.json.Decoder(kind)
    return lambda response: decoder.decode(response.body)
