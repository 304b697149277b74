"""What may be a webhook's URL."""

import re
from urllib.parse import urlsplit

from packhouse.domain.errors import Refused
from packhouse.domain.webhook import is_public

URL_CHARACTERS_MAX = 2_048
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
PORTS = {"http": 80, "https": 443}


def checked_url(url: str, *, private: bool) -> str:
    """The URL as it was given. `private`: addresses that are not public, and plain http, are allowed.

    Refused(invalid_request). What its name leads to is looked at whenever something is sent there.
    """
    url = url.strip()
    if not 0 < len(url) <= URL_CHARACTERS_MAX or not (url.isascii() and url.isprintable()) or " " in url:
        raise _wrong(f"A webhook's URL has 1 to {URL_CHARACTERS_MAX} printable ASCII characters without blanks.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _wrong("That is no URL such as https://hooks.example.com/packhouse.") from error
    host = parts.hostname or ""
    if parts.scheme not in PORTS or port == 0 or parts.fragment or not _is_host(host):
        raise _wrong("That is no URL such as https://hooks.example.com/packhouse.")
    if parts.username is not None or parts.password is not None:
        raise _wrong("A webhook's URL carries no user and no password: the signature tells who sends.")
    if not private and parts.scheme != "https":
        raise _wrong("A webhook's URL begins with https://, so that nobody reads along.")
    if not private and not _may_be_public(host):
        raise _wrong("The webhook's address is not a public one. An operator may allow that (a setting).")
    return url


def _is_host(host: str) -> bool:
    """A name or an address, and nothing that no resolver takes."""
    return ":" in host or _HOST.fullmatch(host) is not None


def _may_be_public(host: str) -> bool:
    """False for what is certainly not; a name is looked up when something is sent."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith((".localhost", ".local", ".internal")):
        return False
    try:
        return is_public(name)
    except ValueError:
        return True


def _wrong(sentence: str) -> Refused:
    return Refused("invalid_request", sentence, field="url")
