"""The management API as the commands call it: one request, one decoded answer, or an end with a sentence."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import httpx
import msgspec

from packhouse.cli.ending import REFUSED, UNREACHABLE, WRONG_CALL, Ended

T = TypeVar("T")
TIMEOUT_SECONDS = 60


class Reply(msgspec.Struct, Generic[T], frozen=True):
    """`raw` is the body as it came, for programs; `value` what a person is shown of it."""

    raw: bytes
    value: T


class _Problem(msgspec.Struct):
    code: str = ""
    message: str = ""


class _Problems(msgspec.Struct):
    error: _Problem


class _Me(msgspec.Struct):
    company_id: str | None


class Api:
    """As the owner of `token`. With `json`, answers and refusals are printed as they came."""

    def __init__(self, url: str, token: str, *, json: bool = False) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self.json = json

    def one(self, method: str, path: str, *, kind: type[T], body: object = None, idempotency: str = "") -> Reply[T]:
        """One thing. Ended: refused, unreachable."""
        headers = {"idempotency-key": idempotency} if idempotency else {}
        raw = self.send(method, path, body=body, headers=headers)
        return Reply(raw, self._decoded(raw, kind))

    def many(self, path: str, *, kind: type[T], query: Mapping[str, Any] | None = None) -> Reply[list[T]]:
        """A list: the one field of the answer that is one. Ended: refused, unreachable."""
        raw = self.send("GET", path, query=query)
        fields = self._decoded(raw, dict[str, msgspec.Raw])
        (items,) = (value for value in fields.values() if bytes(value).startswith(b"["))
        return Reply(raw, self._decoded(bytes(items), list[kind]))

    def send(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The bytes of the answer. Ended: refused, unreachable."""
        given = {"accept": "application/json", **(headers or {})}
        if self.token:
            given["authorization"] = f"Bearer {self.token}"
        content = None if body is None else msgspec.json.encode(body)
        named = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            response = httpx.request(
                method,
                f"{self.url}/api/v1{path}",
                content=content,
                params=named,
                headers=given,
                timeout=TIMEOUT_SECONDS,
            )
        except httpx.InvalidURL as error:
            raise Ended(f"{self.url} is no URL.", WRONG_CALL) from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise Ended(f"Packhouse does not answer at {self.url} ({type(error).__name__}).", UNREACHABLE) from error
        if not response.is_success:
            raise self._refused(response)
        return response.content

    def company(self, given: str | None) -> str:
        """The company that was named, or else one's own. Ended: refused, a wrong call for operators."""
        if given:
            return given
        own = self.one("GET", "/me", kind=_Me).value.company_id
        if own is None:
            raise Ended("You belong to no company: name one with --company.", WRONG_CALL)
        return own

    def _refused(self, response: httpx.Response) -> Ended:
        try:
            problem = msgspec.json.decode(response.content, type=_Problems).error
        except msgspec.DecodeError:
            what = f"{self.url} answered {response.status_code}, and not as Packhouse does: check the URL."
            return Ended(what, UNREACHABLE)
        if self.json:
            return Ended(response.text, REFUSED)
        hint = " (packhouse login stores a token)" if problem.code == "not_signed_in" else ""
        return Ended(f"{problem.message} [{problem.code}]{hint}", REFUSED)

    def _decoded(self, raw: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(raw, type=kind)
        except msgspec.DecodeError as error:
            raise Ended(f"{self.url} did not answer as Packhouse does: check the URL.", UNREACHABLE) from error
