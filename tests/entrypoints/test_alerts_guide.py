"""The guide of alerts: its event has the shape of those that are sent, and its receivers tell ours from others."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from packhouse.domain.alert import RETRY_AFTER, THRESHOLDS
from packhouse.domain.webhook import sign, write_secret
from packhouse.services.alert_text import event
from tests.support.alerts import alert
from tests.support.needs import ROOT

PAGE = (ROOT / "docs" / "guide" / "alerts.md").read_text()
SECRET = bytes(range(32))


def fenced(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def message(body: bytes) -> dict[str, str]:
    """Its headers."""
    timestamp = int(datetime.now(UTC).timestamp())
    signatures = [sign(key, "alr_1", timestamp=timestamp, body=body) for key in (bytes(32), SECRET)]
    return {
        "webhook-id": "alr_1",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def test_the_event_is_like_those_that_are_sent() -> None:
    (shown,) = (json.loads(text) for text in fenced("json"))
    sent = json.loads(event(alert("used_90"), portal_url="https://packhouse.example.com"))
    assert list(shown) == list(sent)
    assert list(shown["data"]) == list(sent["data"])
    for name, value in sent["data"].items():
        assert type(shown["data"][name]) is type(value), name


def test_the_receivers_take_what_is_signed_and_nothing_else() -> None:
    made: dict[str, Any] = {}
    for text in fenced("python"):
        exec(text, made)
    body, secret = event(alert(), portal_url="https://packhouse.example.com"), write_secret(SECRET)
    assert made["received"](secret, message(body), body.decode()) == json.loads(body)
    assert made["is_from_packhouse"](secret, message(body), body)
    forged = body.replace(b"used_80", b"used_90")
    assert not made["is_from_packhouse"](secret, message(body), forged)
    with pytest.raises(WebhookVerificationError):
        made["received"](secret, message(body), forged.decode())


def test_the_page_names_every_kind_and_wait() -> None:
    for kind in (*THRESHOLDS, "runs_dry"):
        assert f"`{kind}`" in PAGE
    words = {3_600: "h", 60: "min", 1: "s"}
    for wait in RETRY_AFTER:
        seconds = int(wait.total_seconds())
        unit = next(each for each in words if seconds >= each)
        assert re.search(rf"\b{seconds // unit} {words[unit]}\b", PAGE), wait
