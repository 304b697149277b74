"""A webhook's signature is that of Standard Webhooks, by its own library; and which addresses are public."""

import hmac
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from packhouse.domain.webhook import is_public, read_secret, sign, write_secret

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"


def now() -> int:
    """The library takes no message that is five minutes old, and a suite may take longer."""
    return int(datetime.now(UTC).timestamp())


def headers(*signatures: str, timestamp: int) -> dict[str, str]:
    return {
        "webhook-id": ID,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def test_the_specification_s_own_example() -> None:
    """The vector that the scheme's libraries test themselves with."""
    signature = sign(read_secret(SECRET), ID, timestamp=1614265330, body=b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(secret=st.binary(min_size=24, max_size=64), body=st.text(st.characters(codec="utf-8")))
def test_the_scheme_s_library_takes_the_signature(secret: bytes, body: str) -> None:
    at = now()
    signature = sign(secret, ID, timestamp=at, body=body.encode())
    by_hand = hmac.new(secret, f"{ID}.{at}.{body}".encode(), sha256).digest()
    assert b64decode(signature.removeprefix("v1,")) == by_hand
    text = write_secret(secret)
    assert read_secret(text) == secret
    assert Webhook(text).sign(ID, datetime.fromtimestamp(at, UTC), body) == signature


def test_either_secret_opens_a_message_that_both_have_signed() -> None:
    body = b'{"type":"webhook.test"}'
    secrets = [bytes([number]) * 32 for number in (1, 2)]
    at = now()
    both = headers(*(sign(secret, ID, timestamp=at, body=body) for secret in secrets), timestamp=at)
    for secret in secrets:
        assert Webhook(write_secret(secret)).verify(body.decode(), both) == {"type": "webhook.test"}
    with pytest.raises(WebhookVerificationError):
        Webhook(write_secret(b"3" * 32)).verify(body.decode(), both)
    with pytest.raises(WebhookVerificationError):
        Webhook(write_secret(secrets[0])).verify(body.decode() + " ", both)


def test_a_secret_is_base64_behind_its_prefix() -> None:
    assert write_secret(b"\xff" * 32) == "whsec_" + b64encode(b"\xff" * 32).decode()


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8"])
def test_an_address_of_the_public_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", ["224.0.0.1", "240.0.0.1", "255.255.255.255", "ff02::1", "fe80::1%eth0", "::"])
def test_an_address_that_is_none(address: str) -> None:
    assert not is_public(address)
