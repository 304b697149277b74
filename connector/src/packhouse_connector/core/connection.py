"""The connection string: the whole configuration of a connector."""

import re
from urllib.parse import urlsplit

import msgspec

from packhouse_connector.errors import InvalidConnectionString, Problem

VARIABLE = "PACKHOUSE_CONNECTION_STRING"
"""The environment variable that is read where no connection string is given."""

_KEY = re.compile(r"phk_([0-9A-Za-z]+)_[0-9A-Za-z_-]+")


class Connection(msgspec.Struct, frozen=True):
    """A key and the gateway's URL, without a slash at its end. Its repr hides the secret."""

    key: str
    url: str

    def __repr__(self) -> str:
        return f"{'_'.join(self.key.split('_')[:2])}_…@{self.url}"


def connection(text: str | None) -> Connection:
    """Reads `phk_<public id>_<secret><checksum>@<url>`; only its shape is checked, the gateway checks the rest.

    An OpenAI base URL (with `/v1` at its end) is taken too. Raises `InvalidConnectionString`, whose message
    never repeats what was given.
    """
    if not text or not text.strip():
        raise _invalid("connection_string_missing", f"Give a connection string, or set {VARIABLE}.")
    key, at, url = text.strip().partition("@")
    if _KEY.fullmatch(key) is None:
        raise _malformed("It must start with a key, which looks like phk_…_….")
    if not at:
        raise _malformed(
            "It ends after the key; the gateway's URL must follow, as in phk_…_…@https://genai.example.com."
        )
    return Connection(key, _gateway(url))


def _gateway(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or any(map(str.isspace, url)):
        raise no_url()
    if "@" in parts.netloc:
        raise _malformed("The gateway's URL carries no user and no password.")
    return url.rstrip("/").removesuffix("/v1").rstrip("/")


def no_url() -> InvalidConnectionString:
    """What stands behind the @ is no URL."""
    return _malformed("Behind the @ stands the gateway's URL, such as https://genai.example.com.")


def _malformed(why: str) -> InvalidConnectionString:
    return _invalid("connection_string_malformed", f"This is not a connection string. {why}")


def _invalid(code: str, message: str) -> InvalidConnectionString:
    return InvalidConnectionString(Problem(code=code, message=message))
