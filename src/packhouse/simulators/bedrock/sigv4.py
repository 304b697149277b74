"""AWS Signature Version 4, computed again and compared."""

import calendar
import hashlib
import hmac
import posixpath
import time
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import quote

import msgspec

from packhouse.simulators.dialect import Credentials, Rejected
from packhouse.simulators.http import Request

ALGORITHM = "AWS4-HMAC-SHA256"
_SERVICE = "bedrock"
_SKEW_SECONDS_MAX = 300
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
    " and signing method. Consult the service documentation for details."
)


class _Said(msgspec.Struct, frozen=True):
    """What an `Authorization` header says."""

    access_key: str
    scope: tuple[str, str, str, str]
    signed: tuple[str, ...]
    signature: str


def verify(request: Request, credentials: Credentials, *, now: Callable[[], float] = time.time) -> str:
    """The region that the request was signed for. Raises `Rejected` (403) with the service's own words."""
    said = _parse(request.header("authorization"))
    if said.access_key != credentials.access_key:
        raise _refused("UnrecognizedClientException", "The security token included in the request is invalid.")
    _check_token(request, credentials)
    date = request.header("x-amz-date")
    _check_date(date, said, now=now())
    if not {"host", "x-amz-date"} <= set(said.signed):
        raise _refused("InvalidSignatureException", _MISMATCH)
    if said.scope[2:] != (_SERVICE, "aws4_request"):
        text = f"Credential should be scoped to correct service: '{_SERVICE}'."
        raise _refused("InvalidSignatureException", text)
    text = "\n".join((ALGORITHM, date, "/".join(said.scope), _hash(_canonical(request, said.signed))))
    wanted = hmac.new(_key(credentials.secret_key, said.scope), text.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, said.signature):
        raise _refused("InvalidSignatureException", _MISMATCH)
    return said.scope[1]


def _parse(header: str) -> _Said:
    parts = [part.strip().partition("=") for part in header.removeprefix(ALGORITHM).split(",")]
    fields = {name: value for name, _, value in parts}
    access_key, *scope = fields.get("Credential", "").split("/")
    if len(scope) != 4 or not fields.get("Signature") or not fields.get("SignedHeaders"):
        text = "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters."
        raise _refused("IncompleteSignatureException", text)
    date, region, service, end = scope
    signed = tuple(fields["SignedHeaders"].split(";"))
    return _Said(access_key, (date, region, service, end), signed, fields["Signature"])


def _check_token(request: Request, credentials: Credentials) -> None:
    if not credentials.session_token:
        return
    if request.header("x-amz-security-token") != credentials.session_token:
        raise _refused("UnrecognizedClientException", "The security token included in the request is invalid.")


def _check_date(date: str, said: _Said, *, now: float) -> None:
    try:
        at = calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
    except ValueError as error:
        text = f"Date must be in ISO-8601 'basic format'. Got '{date}'."
        raise _refused("IncompleteSignatureException", text) from error
    if not date.startswith(said.scope[0]):
        raise _refused("InvalidSignatureException", _MISMATCH)
    if abs(now - at) > _SKEW_SECONDS_MAX:
        word = "expired" if at < now else "not yet current"
        raise _refused("InvalidSignatureException", f"Signature {word}: {date} is too far from the current time.")


def _canonical(request: Request, signed: tuple[str, ...]) -> str:
    headers = "".join(f"{name}:{' '.join(request.header(name).split())}\n" for name in signed)
    digest = hashlib.sha256(request.body).hexdigest()
    said = request.header("x-amz-content-sha256")
    if said and said not in (digest, "UNSIGNED-PAYLOAD"):
        raise _refused("InvalidSignatureException", _MISMATCH)
    # The path is escaped once more than it was sent, and signed without `.` and `..`, as for every service but S3.
    path = quote(_normal(request.path), safe="/-_.~")
    return "\n".join((request.method, path, request.query, headers, ";".join(signed), said or digest))


def _normal(path: str) -> str:
    normal = posixpath.normpath("/" + path.lstrip("/"))
    return normal + "/" if path.endswith("/") and normal != "/" else normal


@lru_cache(maxsize=64)
def _key(secret: str, scope: tuple[str, ...]) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("latin-1")).hexdigest()


def _refused(code: str, text: str) -> Rejected:
    return Rejected(403, text, code=code)
