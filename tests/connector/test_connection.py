"""The connection string."""

import pytest

from packhouse_connector import InvalidConnectionString, Packhouse
from packhouse_connector.core.connection import connection
from tests.connector.gateway import KEY, Gateway


@pytest.mark.parametrize(
    ("url", "gateway"),
    [
        ("https://genai.example.com", "https://genai.example.com"),
        ("http://127.0.0.1:8710/", "http://127.0.0.1:8710"),
        ("https://example.com/genai/", "https://example.com/genai"),
        ("https://example.com/v1", "https://example.com"),
        ("http://[::1]:8710", "http://[::1]:8710"),
    ],
)
def test_a_key_and_a_url(url: str, gateway: str) -> None:
    read = connection(f"  {KEY}@{url}\n")
    assert (read.key, read.url) == (KEY, gateway)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (KEY, "ends after the key"),
        ("https://genai.example.com", "must start with a key"),
        ("sk-abc@https://genai.example.com", "must start with a key"),
        ("phk_only@https://genai.example.com", "must start with a key"),
        (f"{KEY}@genai.example.com", "Behind the @"),
        (f"{KEY}@ftp://genai.example.com", "Behind the @"),
        (f"{KEY}@https://", "Behind the @"),
        (f"{KEY}@https://genai.example.com:port", "Behind the @"),
        (f"{KEY}@https://[::1", "Behind the @"),
        (f"{KEY}@https://genai..example\N{ZERO WIDTH SPACE}.com", "Behind the @"),
        (f"{KEY}@https://genai.example.com/?a=b", "Behind the @"),
        (f"{KEY}@https://genai example.com", "Behind the @"),
        (f"{KEY}@https://user:word@genai.example.com", "no user and no password"),
    ],
)
def test_what_is_no_connection_string_says_why_and_never_repeats_it(text: str, hint: str) -> None:
    with pytest.raises(InvalidConnectionString, match=hint) as caught:
        Packhouse(text)
    assert caught.value.code == "connection_string_malformed"
    assert "s3cret" not in str(caught.value) + repr(caught.value)


def test_none_is_asked_for_by_the_name_of_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PACKHOUSE_CONNECTION_STRING", raising=False)
    with pytest.raises(InvalidConnectionString, match="PACKHOUSE_CONNECTION_STRING") as caught:
        Packhouse()
    assert caught.value.code == "connection_string_missing"


def test_it_is_read_from_the_environment(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKHOUSE_CONNECTION_STRING", gateway.connection_string)
    with Packhouse() as ph:
        assert ph.chat("Who is there?").text == "You asked: Who is there?"


def test_a_gateway_below_a_path(gateway: Gateway) -> None:
    with Packhouse(f"{KEY}@{gateway.url}/below") as ph, pytest.raises(Exception, match="no such route"):
        ph.models()
    assert gateway.last.path == ("below", "v1", "models")


def test_reprs_hide_the_secret(gateway: Gateway) -> None:
    with Packhouse(gateway.connection_string) as ph:
        shown = repr(ph)
    assert shown == f"<Packhouse phk_Ab12Cd34Ef56_…@{gateway.url}>"
