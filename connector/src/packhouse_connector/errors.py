"""Everything that can go wrong, as one tree: catch `PackhouseError`, or the branch that you can do something about.

Branch on `error.code`, which is stable, where the class is not fine enough. No error carries the key or any
content.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import cast

import msgspec


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a failure.

    `code` is stable. `message` says what is wrong and what to do. `status` is the HTTP status, None where no
    answer came. `request_id` finds the request in the log of whoever runs Packhouse. `facts` are the plain
    values that came along. `retry_after_seconds` is how long the server asked to wait.
    """

    code: str
    message: str
    status: int | None = None
    request_id: str | None = None
    facts: Mapping[str, object] = {}
    retry_after_seconds: float | None = None

    def __repr__(self) -> str:
        return f"<Problem {self.code}>"


class PackhouseError(Exception):
    """Base of all that the connector raises on purpose. Pickles, so it crosses process pools."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem

    @property
    def code(self) -> str:
        """The stable name of what went wrong, such as `quota_exhausted`."""
        return self.problem.code

    @property
    def message(self) -> str:
        """What is wrong and what to do, for a person."""
        return self.problem.message

    @property
    def status(self) -> int | None:
        """The HTTP status of the answer; None where there was no answer."""
        return self.problem.status

    @property
    def request_id(self) -> str | None:
        """Names the request in the log of whoever runs Packhouse."""
        return self.problem.request_id

    @property
    def facts(self) -> Mapping[str, object]:
        """The plain values that came along: limits, instants, ids."""
        return self.problem.facts

    @property
    def retry_after_seconds(self) -> float | None:
        """How long the server asked to wait; None where it did not say."""
        return self.problem.retry_after_seconds

    def __str__(self) -> str:
        request = f", request {self.request_id}" if self.request_id else ""
        return f"{self.message} [{self.code}{request}]"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.code} status={self.status} request_id={self.request_id}>"

    def _text(self, fact: str) -> str | None:
        value = self.facts.get(fact)
        return value if isinstance(value, str) else None

    def _integer(self, fact: str) -> int | None:
        value = self.facts.get(fact)
        return value if isinstance(value, int) else None

    def _instant(self, fact: str) -> datetime | None:
        try:
            return datetime.fromisoformat(self._text(fact) or "")
        except ValueError:
            return None


class InvalidConnectionString(PackhouseError):
    """No connection string was given, or it does not have the form of one."""


class ConnectionFailed(PackhouseError):
    """No whole answer came. Unless it is `NotReached`, the request may have been carried out."""


class NotReached(ConnectionFailed):
    """No connection could be made: nothing was sent, nothing was spent."""


class TimedOut(ConnectionFailed):
    """The server was silent for longer than `timeout_seconds`."""


class AnswerCut(ConnectionFailed):
    """The answer broke off before its end."""


class AnswerNotUnderstood(PackhouseError):
    """Something answered, but not as Packhouse does: most often the URL leads to another server."""


class KeyProblem(PackhouseError):
    """The key does not open what was asked for."""


class KeyMalformed(KeyProblem):
    """The key is damaged: its form or its checksum is wrong. Copy it again."""


class KeyUnknown(KeyProblem):
    """There is no such key at this installation."""


class KeyRevoked(KeyProblem):
    """The key was revoked."""


class KeyExpired(KeyProblem):
    """The key's expiry has passed."""


class KeyWrongType(KeyProblem):
    """The key opens no resource of the type that the call needs."""

    @property
    def opens(self) -> tuple[str, ...]:
        """The types of resource that the key does open."""
        value = self.facts.get("opens")
        return tuple(cast("list[str]", value)) if isinstance(value, list) else ()


class Forbidden(PackhouseError):
    """The caller may not do this."""


class ResourceUnavailable(Forbidden):
    """The resource is not active, is suspended, or third-party terms wait for acceptance."""


class NotFound(PackhouseError):
    """No such thing, or none that this key may see."""


class Conflict(PackhouseError):
    """The thing is not in a state that allows this, or was changed meanwhile."""


class InvalidRequest(PackhouseError):
    """The request itself is wrong; sending it again will not help."""


class Unsupported(InvalidRequest):
    """The model, the provider or the route cannot do this."""


class TooLarge(InvalidRequest):
    """The request's body is larger than the route takes."""


class ModelUnavailable(InvalidRequest):
    """The model is not one that the resource may use, or its life has ended."""


class ContextExceeded(InvalidRequest):
    """The input does not fit into the model's context window."""


class FilterInvalid(InvalidRequest):
    """The metadata filter is not understood."""


class ConnectorOutdated(PackhouseError):
    """This connector is older than what the operator allows: install a newer one."""

    @property
    def oldest(self) -> str | None:
        """The oldest version that still works there."""
        return self._text("oldest")


class QuotaExhausted(PackhouseError):
    """The pack's quota of this bundle month does not cover the call. Never retried by the connector."""

    @property
    def meter(self) -> str | None:
        """Which meter is short, such as `input` or `output`."""
        return self._text("meter")

    @property
    def limit(self) -> int | None:
        """The meter's limit for a bundle month, in model tokens."""
        return self._integer("limit")

    @property
    def used(self) -> int | None:
        """What was consumed in this bundle month, in model tokens."""
        return self._integer("used")

    @property
    def held(self) -> int | None:
        """What running calls hold, in model tokens."""
        return self._integer("held")

    @property
    def needed(self) -> int | None:
        """What the call may need at worst, in model tokens."""
        return self._integer("needed")

    @property
    def refill_at(self) -> datetime | None:
        """When the next bundle month starts; aware, in UTC."""
        return self._instant("refill_at")


class DiskFull(PackhouseError):
    """The knowledge base's disk does not hold what would be added; nothing was."""


class DocumentFailed(PackhouseError):
    """The document could not be taken in: it is empty, unreadable or of a type that is not taken."""


class WaitOver(PackhouseError):
    """The document was not ready within the time given. Its ingestion goes on: wait again, or look later."""


class ProviderProblem(PackhouseError):
    """The model's provider failed, refused, or could not be reached."""


class ProviderThrottled(ProviderProblem):
    """The model's provider is throttling, and was when the connector tried again."""


class ProviderTimeout(ProviderProblem):
    """The model's provider did not answer in time."""


class ProviderCut(ProviderProblem):
    """The model's provider broke off in the middle of its answer."""


class ServiceUnavailable(PackhouseError):
    """Packhouse, or something in front of it, is not ready or too busy; try again later."""


class InternalProblem(PackhouseError):
    """Something broke inside Packhouse; whoever runs it finds the request id in the log."""
