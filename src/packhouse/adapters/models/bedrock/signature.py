"""Signature Version 4: who calls is proved by headers that sign the request, without the secret leaving."""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from urllib.parse import quote, urlsplit

from packhouse.domain.content import Content

Headers = tuple[tuple[bytes, bytes], ...]

_DATE: Final = "x-amz-date"
_TOKEN: Final = "x-amz-security-token"


class StaticKeys(Content, frozen=True):
    """An access key with its secret; `session_token` goes along with keys that expire."""

    access_key: str
    secret_key: str
    session_token: str = ""


class SignedTarget(Content, frozen=True):
    """What is the same in every request to one URL, made ready once: the canonical request around the date, the
    session token and the body's hash. `signed` are the names of the signed headers without and with a token."""

    before_date: bytes
    before_token: bytes
    behind_token: bytes
    signed: tuple[bytes, bytes]


def signed_target(method: str, url: str, *, headers: Mapping[str, str]) -> SignedTarget:
    """`url` is encoded as it is sent; `headers` are those to sign (lower-case names), `host` is added if missing."""
    parts = urlsplit(url)
    lines = {"host": parts.netloc.rpartition("@")[2]} | {
        name: " ".join(value.split()) for name, value in headers.items()
    }
    names = sorted({*lines, _DATE})
    start = f"{method}\n{_canonical_path(parts.path)}\n{_canonical_query(parts.query)}\n"

    def between(after: str, before: str) -> str:
        return "".join(f"{name}:{lines[name]}\n" for name in names if after < name < before)

    return SignedTarget(
        (start + between("", _DATE)).encode(),
        between(_DATE, _TOKEN).encode(),
        between(_TOKEN, "\U0010ffff").encode(),
        (";".join(names).encode(), ";".join(sorted({*names, _TOKEN})).encode()),
    )


class Signer:
    """Signs for one service in one region; the day's key is kept."""

    __slots__ = ("_day_key", "_kept_for", "_scope_end")

    def __init__(self, region: str, service: str) -> None:
        self._scope_end = f"/{region}/{service}/aws4_request"
        self._kept_for: tuple[str, str] = ("", "")
        self._day_key = b""

    def headers(self, target: SignedTarget, keys: StaticKeys, *, body_hash: str, at_seconds: int) -> Headers:
        """The headers to add to the request; `body_hash` is the SHA-256 of the body in hexadecimal digits."""
        stamp = datetime.fromtimestamp(at_seconds, UTC).strftime("%Y%m%dT%H%M%SZ")
        date, token = stamp.encode(), keys.session_token.encode()
        signed = target.signed[bool(token)]
        canonical = b"%bx-amz-date:%b\n%b%b%b\n%b\n%b" % (
            target.before_date,
            date,
            target.before_token,
            b"x-amz-security-token:%b\n" % token if token else b"",
            target.behind_token,
            signed,
            body_hash.encode(),
        )
        scope = stamp[:8] + self._scope_end
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(canonical).hexdigest()}"
        signature = hmac.digest(self._key(keys.secret_key, stamp[:8]), to_sign.encode(), "sha256").hex()
        authorization = (
            f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope}, "
            f"SignedHeaders={signed.decode()}, Signature={signature}"
        )
        headers = ((b"authorization", authorization.encode()), (_DATE.encode(), date))
        return (*headers, (_TOKEN.encode(), token)) if token else headers

    def _key(self, secret: str, day: str) -> bytes:
        if self._kept_for != (secret, day):
            key = b"AWS4" + secret.encode()
            for word in (day, *self._scope_end[1:].split("/")):
                key = hmac.digest(key, word.encode(), "sha256")
            self._kept_for, self._day_key = (secret, day), key
        return self._day_key


def _canonical_path(path: str) -> str:
    """Without `.`, `..` and empty segments, and encoded once more than it is sent."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    end = "/" if kept and path.endswith("/") else ""
    return quote("/" + "/".join(kept) + end, safe="/~")


def _canonical_query(query: str) -> str:
    pairs = [pair.partition("=") for pair in query.split("&") if query]
    return "&".join(f"{name}={value}" for name, _, value in sorted(pairs))
