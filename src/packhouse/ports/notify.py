"""What we need to tell people and programs something: a letter by e-mail, a signed message to a webhook."""

from typing import Protocol

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.webhook import SigningSecret


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """Plain text to one recipient. `id` stays the same when it is sent again, so that a duplicate shows."""

    id: str
    to: str
    subject: str
    text: str


class Message(Content, frozen=True, kw_only=True):
    """For a webhook. `id` stays the same when it is sent again; each of `secrets` signs, the newest first."""

    id: str
    url: str
    secrets: tuple[SigningSecret, ...]
    body: bytes


class Failed(msgspec.Struct, frozen=True):
    """It was not taken. `error` is a status or a kind of failure, never what the other side wrote.

    `for_good`: trying again would change nothing. `gone`: the receiver wants nothing more, ever.
    """

    error: str
    for_good: bool = False
    gone: bool = False


class Mail(Protocol):
    async def send(self, letter: Letter) -> Failed | None:
        """None: the mail server has taken it. Ends within `SEND_SECONDS`."""
        ...


class Webhooks(Protocol):
    async def post(self, message: Message) -> Failed | None:
        """None: the receiver answered 2xx. Ends within `SEND_SECONDS`."""
        ...


SEND_SECONDS = 20.0
"""The longest that one attempt takes."""
