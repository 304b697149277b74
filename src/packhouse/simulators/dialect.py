"""What a provider's server knows: its routes, its shapes, its errors."""

from typing import Literal, Protocol

import msgspec

from packhouse.simulators.answer import Answer
from packhouse.simulators.asked import Asked
from packhouse.simulators.http import Reply, Request
from packhouse.simulators.rules import Fault

Provider = Literal["bedrock", "anthropic", "cohere", "openai"]


class Rejected(Exception):
    """A request that the provider says no to. An empty `code` is the usual one of the status."""

    def __init__(self, status: int, message: str = "", *, code: str = "", param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulator lets in. `any_key` lets in whatever is sent.

    `key` is the API key (a bearer key at Bedrock); the others sign for Bedrock. An empty `session_token` is not asked.
    """

    key: str = ""
    access_key: str = "AKIASIMULATED0000000"
    secret_key: str = "simulated-secret-key-that-opens-nothing"
    session_token: str = ""
    any_key: bool = False


class Call(Protocol):
    """A request that was understood."""

    @property
    def asked(self) -> Asked: ...

    def whole(self, answer: Answer) -> Reply:
        """The answer in one piece."""
        ...

    def stream(self, answer: Answer) -> Reply:
        """The answer as a stream: frames, with a `BEAT` before each content piece."""
        ...


class Dialect(Protocol):
    """One provider."""

    @property
    def name(self) -> Provider: ...

    def authorise(self, request: Request) -> None:
        """Raises `Rejected`."""
        ...

    def read(self, request: Request) -> Call | Reply:
        """The call that is asked, or the reply where nothing is to be made up. Raises `Rejected`."""
        ...

    def error(self, rejected: Rejected) -> Reply:
        """The provider's own error."""
        ...

    def event(self, fault: Fault) -> bytes:
        """The provider's error in the middle of a stream, as a frame."""
        ...

    def spoil(self, frame: bytes, fault: Fault) -> bytes:
        """A frame that is malformed, whose checksum is wrong or whose JSON ends too early."""
        ...
