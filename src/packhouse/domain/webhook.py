"""Webhooks: where a company is told of alerts, which addresses are public, and the signature by Standard Webhooks.

The scheme is https://www.standardwebhooks.com: `webhook-id`, `webhook-timestamp` and `webhook-signature`, which holds
`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, one for each secret that counts, with blanks between.
"""

import hmac
import re
from base64 import b64decode, b64encode
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import msgspec

from packhouse.domain.content import Content
from packhouse.domain.units import CompanyId, UserId, WebhookId

WEBHOOKS_MAX = 10
"""For one company."""
SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
ROTATION_OVERLAP = timedelta(hours=24)
"""How long the secret before signs too, so that receivers can change over."""

_TRANSLATED = IPv6Network("64:ff9b::/96")
"""IPv4 addresses as a translator's network has them."""
_OTHERS = (IPv6Network("fec0::/10"), IPv6Network("3fff::/20"))
"""Not public, and not known as such to the standard library: site-local addresses, and those of documents."""


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """`disabled_reason` is `gone` where the receiver itself said so (410), empty where an admin disabled it.
    `previous_until_at` is until when the secret before signs too."""

    id: WebhookId
    company_id: CompanyId
    url: str
    description: str
    created_by: UserId
    created_at: datetime
    enabled: bool = True
    disabled_reason: str = ""
    previous_until_at: datetime | None = None

    @property
    def host(self) -> str:
        """What may be repeated of the URL: its path can be as good as a secret."""
        return re.split(r"[/?]", self.url.partition("://")[2], maxsplit=1)[0]


class SigningSecret(Content, frozen=True):
    """The bytes that sign, on their way from the database to the signature."""

    raw: bytes


def write_secret(raw: bytes) -> str:
    """As receivers are given it: `whsec_` and base64."""
    return SECRET_PREFIX + b64encode(raw).decode()


def read_secret(text: str) -> bytes:
    return b64decode(text.removeprefix(SECRET_PREFIX), validate=True)


def sign(secret: bytes, message_id: str, *, timestamp: int, body: bytes) -> str:
    """`timestamp` in seconds since the epoch."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.digest(secret, signed, sha256)).decode()


def is_public(address: str) -> bool:
    """Whether an address (`203.0.113.7`, `2001:db8::1`) is one of the public internet, however it is written."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address):
        parsed = _inner(parsed)
    if isinstance(parsed, IPv6Address) and any(parsed in network for network in _OTHERS):
        return False
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def _inner(address: IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address
